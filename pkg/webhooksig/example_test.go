package webhooksig_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/webhooksig"
)

// A receiver that refuses what is not signed before it reads it, and that takes
// the old key and the new one.
func Example() {
	keys := webhooksig.Keys{[]byte("whsec_the_new_key_of_the_sender"), []byte("whsec_the_old_key_of_the_sender")}
	scheme := webhooksig.Stripe{Keys: keys}
	receive := func(w http.ResponseWriter, r *http.Request) {
		claim, err := scheme.Claim(r.Header, time.Now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<10))
		if err != nil {
			http.Error(w, "too large, or cut", http.StatusRequestEntityTooLarge)
			return
		}
		if err := claim.Verify(body); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}

	const body = `{"id":"evt_1","type":"invoice.paid"}`
	send := func(signature string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Stripe-Signature", signature)
		w := httptest.NewRecorder()
		receive(w, r)
		fmt.Printf("%d %q\n", w.Code, strings.TrimSpace(w.Body.String()))
	}
	send(webhooksig.SignStripe(keys[1:], time.Now(), []byte(body)))
	send(webhooksig.SignStripe(keys, time.Now().Add(-time.Hour), []byte(body)))
	send(webhooksig.SignStripe(webhooksig.Keys{[]byte("of somebody else")}, time.Now(), []byte(body)))
	// Output:
	// 202 ""
	// 401 "webhooksig: signed too long ago or in the future"
	// 401 "webhooksig: no active key made this signature"
}
