package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/provingground/provingground/pkg/problem"
)

// pushTimeout is under the subscription's acknowledgement deadline: an answer
// after it would count for nothing.
const pushTimeout = 20 * time.Second

// maxPush is a message of MaxBody in base64, with its attributes and envelope.
const maxPush = 2 * MaxBody

// Push is who may push: the service account of the subscription, with a token for
// this audience, signed by the issuer. Google's is https://accounts.google.com.
type Push struct{ Issuer, Audience, Account string }

// pushed is what Pub/Sub sends (page "Push subscriptions", read 2026-11-24).
type pushed struct {
	Message struct {
		Data       []byte            `json:"data"`
		Attributes map[string]string `json:"attributes"`
	} `json:"message"`
}

// push is the endpoint of a push subscription: what a Cloud Run service is called
// with. It hands each message to the same handler as pull, and answers when that
// is done: 204 acknowledges, 503 has it come again.
type push struct {
	who       Push
	processor *processor
	keys      keys
}

// ServeHTTP implements http.Handler.
func (p *push) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := p.authenticate(r); err != nil {
		p.processor.metrics.pushRefused.Inc()
		pushProblem(err).Write(w)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPush))
	if err != nil {
		problem.TooLarge(maxPush).Write(w)
		return
	}
	var body pushed
	if err := json.Unmarshal(raw, &body); err != nil {
		problem.Invalid("the body is not what Pub/Sub sends").Write(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pushTimeout)
	defer cancel()
	ended := make(chan error, 1)
	p.processor.handle(ctx, body.Message.Data, body.Message.Attributes, func(err error) { ended <- err })
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = ctx.Err() // it may be applied yet: it comes again and is found in the inbox
	}
	if err != nil {
		problem.New(http.StatusServiceUnavailable, "not-yet", "Not applied yet", "Deliver it again.").After(1).Write(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

var errNotPubSub = errors.New("the token is not that of the subscription")

func pushProblem(err error) *problem.Problem {
	if errors.Is(err, errNotPubSub) {
		return problem.New(http.StatusForbidden, "not-the-subscription", http.StatusText(http.StatusForbidden), errNotPubSub.Error())
	}
	return problem.New(http.StatusUnauthorized, "token-required", http.StatusText(http.StatusUnauthorized), "Send the OIDC token of the subscription's account.")
}

// authenticate checks signature, issuer, audience and time of the token, then
// whose it is: the audience alone is known to every account of Google.
func (p *push) authenticate(r *http.Request) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || len(token) > 4<<10 {
		return errors.New("no bearer token")
	}
	verifier, err := p.keys.verifier(r.Context(), p.who)
	if err != nil {
		return err
	}
	verified, err := verifier.Verify(r.Context(), token)
	if err != nil {
		return err
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := verified.Claims(&claims); err != nil {
		return err
	}
	if claims.Email != p.who.Account || !claims.Verified {
		return errNotPubSub
	}
	return nil
}

// keys finds the issuer's keys when they are first needed; the library keeps them
// and asks again for one that it does not know.
type keys struct {
	mu    sync.Mutex
	found *oidc.IDTokenVerifier
}

func (k *keys) verifier(ctx context.Context, who Push) (*oidc.IDTokenVerifier, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.found != nil {
		return k.found, nil
	}
	// The provider keeps this context for later requests for keys.
	client := &http.Client{Timeout: 5 * time.Second}
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), client), who.Issuer)
	if err != nil {
		return nil, err
	}
	k.found = provider.Verifier(&oidc.Config{ClientID: who.Audience})
	return k.found, nil
}
