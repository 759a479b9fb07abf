package webhooks

import (
	"net/http"
	"time"

	"github.com/provingground/provingground/pkg/webhooksig"
)

// A Scheme is how a provider signs. Stripe's and GitHub's are there.
type Scheme interface {
	Claim(h http.Header, now time.Time) (webhooksig.Claim, error)
}

// Providers returns who may send, by the name in the path: payments signs as
// Stripe does, repos as GitHub does.
func Providers(payments, repos webhooksig.Keys) map[string]Scheme {
	return map[string]Scheme{
		"payments": webhooksig.Stripe{Keys: payments},
		"repos":    webhooksig.GitHub{Keys: repos},
	}
}
