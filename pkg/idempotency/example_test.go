package idempotency_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/provingground/provingground/pkg/idempotency"
)

// The key and the fingerprint are what a handler needs from the request. The
// record goes into the transaction that makes the effect, see Table.Put.
func Example() {
	body := `{"item":"book"}`
	r := httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(body))
	r.Header.Set(idempotency.Header, "a-key-made-by-the-client")

	key, err := idempotency.Key(r.Header)
	fmt.Println(key, err)
	first := idempotency.Fingerprint(r.Method, r.URL.Path, body)
	fmt.Println("repeated:", first == idempotency.Fingerprint("POST", "/orders", body))
	fmt.Println("other body:", first == idempotency.Fingerprint("POST", "/orders", `{"item":"pen"}`))

	r.Header.Set(idempotency.Header, "short")
	_, err = idempotency.Key(r.Header)
	fmt.Println(err)
	// Output:
	// a-key-made-by-the-client <nil>
	// repeated: true
	// other body: false
	// idempotency key must have 16 to 64 visible ASCII characters
}
