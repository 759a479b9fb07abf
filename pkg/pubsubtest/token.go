package pubsubtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"sync"
	"time"
)

// tokenLife is how long a push token is valid, as the service's are.
const tokenLife = time.Hour

// tokens signs the OIDC tokens of push requests, RS256 as the service does, and
// publishes the key. The issuer is the server's own address, not
// https://accounts.google.com: a receiver that checks signatures must be told
// to trust it.
type tokens struct {
	issuer string
	clock  Clock
	key    func() (*rsa.PrivateKey, error) // made when first needed: it takes a while
}

func newTokens(issuer string, clock Clock) *tokens {
	return &tokens{issuer: issuer, clock: clock, key: sync.OnceValues(func() (*rsa.PrivateKey, error) {
		return rsa.GenerateKey(rand.Reader, 2048)
	})}
}

// sign returns a token for a push request.
func (t *tokens) sign(email, audience string) (string, error) {
	key, err := t.key()
	if err != nil {
		return "", err
	}
	now := t.clock.Now()
	header, err := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": keyID(&key.PublicKey)})
	if err != nil {
		return "", err
	}
	claims, err := part(map[string]any{
		"iss": t.issuer, "aud": audience, "azp": email, "email": email, "email_verified": true, "sub": email,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := header + "." + claims
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func part(v map[string]any) (string, error) {
	b, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func keyID(key *rsa.PublicKey) string {
	sum := sha256.Sum256(key.N.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// handler serves what a verifier of tokens asks for, and /healthz.
func (t *tokens) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": t.issuer, "jwks_uri": t.issuer + "/certs", "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /certs", func(w http.ResponseWriter, _ *http.Request) {
		key, err := t.key()
		if err != nil {
			http.Error(w, "no key", http.StatusInternalServerError)
			return
		}
		answer(w, map[string]any{"keys": []any{jwk(&key.PublicKey)}})
	})
	return mux
}

func jwk(key *rsa.PublicKey) map[string]string {
	return map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID(key),
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the reader is gone
}
