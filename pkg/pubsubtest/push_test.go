package pubsubtest_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/provingground/provingground/pkg/pubsubtest"
)

type pushed struct {
	header http.Header
	body   []byte
	answer chan<- int
}

// endpoint hands each request to the test, which answers it.
func endpoint(t *testing.T) (string, <-chan pushed) {
	t.Helper()
	requests := make(chan pushed)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		answer := make(chan int, 1)
		select {
		case requests <- pushed{r.Header, body, answer}:
			w.WriteHeader(<-answer)
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, requests
}

func pushTo(url string, change func(*pubsubpb.PushConfig)) func(*pubsubpb.Subscription) {
	return func(s *pubsubpb.Subscription) {
		s.PushConfig = &pubsubpb.PushConfig{PushEndpoint: url}
		if change != nil {
			change(s.PushConfig)
		}
	}
}

func TestPushSendsTheEnvelopeUntilItIsAccepted(t *testing.T) {
	url, requests := endpoint(t)
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", pushTo(url, nil))
	ids := publish(t, c, "orders", text(1)...)
	for _, code := range []int{500, 301, 404, 204} { // a redirect is not followed
		r := <-requests
		var body struct {
			Message struct {
				Data      []byte `json:"data"`
				MessageID string `json:"messageId"`
			} `json:"message"`
			Subscription string `json:"subscription"`
		}
		if err := json.Unmarshal(r.body, &body); err != nil {
			t.Fatal(err)
		}
		if string(body.Message.Data) != "0" || body.Message.MessageID != ids[0] || body.Subscription != subName("mail") {
			t.Errorf("pushed %s", r.body)
		}
		r.answer <- code
	}
	waitFor(t, func() bool {
		stats, err := srv.Stats(subName("mail"))
		return err == nil && stats.Backlog == 0
	})
}

// waitFor returns when ok does; the test's own deadline is the bound.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for !ok() {
		select {
		case <-t.Context().Done():
			t.Fatal("never happened")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestPushTokensAreSignedByThePublishedKey(t *testing.T) {
	url, requests := endpoint(t)
	srv, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", pushTo(url, func(p *pubsubpb.PushConfig) {
		p.AuthenticationMethod = &pubsubpb.PushConfig_OidcToken_{OidcToken: &pubsubpb.PushConfig_OidcToken{
			ServiceAccountEmail: "push@p.iam.gserviceaccount.com", Audience: "https://mail.example.com",
		}}
	}))
	publish(t, c, "orders", text(1)...)
	r := <-requests
	r.answer <- 200
	token, ok := strings.CutPrefix(r.header.Get("Authorization"), "Bearer ")
	if !ok {
		t.Fatalf("Authorization: %q", r.header.Get("Authorization"))
	}
	claims, err := verify(srv.URL(), token)
	if err != nil {
		t.Fatal(err)
	}
	if claims["aud"] != "https://mail.example.com" || claims["email"] != "push@p.iam.gserviceaccount.com" ||
		claims["email_verified"] != true || claims["iss"] != srv.URL() || claims["exp"].(float64)-claims["iat"].(float64) != 3600 {
		t.Errorf("claims %v", claims)
	}
	other := pubsubtest.NewServer(t, pubsubtest.Options{})
	if _, err := verify(other.URL(), token); err == nil {
		t.Error("the token passes with the key of another server")
	}
}

// verify checks a token as a receiver does: discovery, keys, signature.
func verify(issuer, token string) (map[string]any, error) {
	var discovery struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := getJSON(issuer+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	var keys struct{ Keys []struct{ N, E, Kid string } }
	if err := getJSON(discovery.JWKS, &keys); err != nil {
		return nil, err
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(keys.Keys) != 1 {
		return nil, errors.New("malformed token or key set")
	}
	var decoded [5][]byte
	for i, s := range []string{parts[0], parts[1], parts[2], keys.Keys[0].N, keys.Keys[0].E} {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			return nil, err
		}
		decoded[i] = b
	}
	if !strings.Contains(string(decoded[0]), keys.Keys[0].Kid) {
		return nil, errors.New("the token names another key")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(decoded[3]), E: int(new(big.Int).SetBytes(decoded[4]).Int64())}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], decoded[2]); err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, json.Unmarshal(decoded[1], &claims)
}

func getJSON(url string, v any) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(v)
}

func TestPushBacksOffOnTheInjectedClock(t *testing.T) {
	url, requests := endpoint(t)
	clock := pubsubtest.NewManualClock(start())
	_, c := setup(t, pubsubtest.Options{Clock: clock})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", pushTo(url, nil))
	publish(t, c, "orders", text(1)...)
	r := <-requests
	for failures := range 4 {
		r.answer <- 503
		// Nothing comes while the clock stands; a minute is more than any pause so early.
		for done := false; !done; {
			select {
			case r = <-requests:
				done = true
			case <-time.After(5 * time.Millisecond):
				clock.Advance(50 * time.Millisecond)
			}
		}
		least := 100 * time.Millisecond << failures
		if passed := clock.Now().Sub(start()); passed < least {
			t.Errorf("after %d failures it came %v after the start, want at least %v", failures+1, passed, least)
		}
	}
	r.answer <- 200
}

func TestPushWithoutWrapperSendsTheDataAndHeaders(t *testing.T) {
	url, requests := endpoint(t)
	_, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", pushTo(url, func(p *pubsubpb.PushConfig) {
		p.Wrapper = &pubsubpb.PushConfig_NoWrapper_{NoWrapper: &pubsubpb.PushConfig_NoWrapper{WriteMetadata: true}}
	}))
	publish(t, c, "orders", text(1)...)
	r := <-requests
	r.answer <- 200
	if string(r.body) != "0" || r.header.Get("X-Goog-Pubsub-Subscription-Name") != subName("mail") {
		t.Errorf("pushed %q with %v", r.body, r.header)
	}
}

func TestASubscriptionTurnsToPushAndBack(t *testing.T) {
	url, requests := endpoint(t)
	_, c := setup(t, pubsubtest.Options{})
	createTopic(t, c, "orders")
	createSub(t, c, "mail", "orders", nil)
	publish(t, c, "orders", text(1)...)
	modify := func(p *pubsubpb.PushConfig) {
		t.Helper()
		_, err := c.SubscriptionAdminClient.UpdateSubscription(context.Background(), &pubsubpb.UpdateSubscriptionRequest{
			Subscription: &pubsubpb.Subscription{Name: subName("mail"), PushConfig: p},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"push_config"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	modify(&pubsubpb.PushConfig{PushEndpoint: url})
	r := <-requests
	modify(&pubsubpb.PushConfig{})
	r.answer <- 500
	if seen := receive(t, c, "mail", 1); len(seen) != 1 {
		t.Errorf("received %v", seen)
	}
}
