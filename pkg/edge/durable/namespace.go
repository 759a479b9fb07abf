package durable

import (
	"net/http"

	"github.com/provingground/provingground/pkg/edge/internal/host"
	"github.com/provingground/provingground/pkg/edge/internal/web"
)

// Namespace is the binding of a class, by the name that wrangler.jsonc gives it.
type Namespace struct{ Binding string }

// Stub reaches the object of a name. It is an http.RoundTripper: a request's host is
// not looked at, and its context must be that of an event.
type Stub struct{ binding, name string }

// Get returns the way to the object of a name. The object is made when it is asked.
func (n Namespace) Get(name string) Stub { return Stub{n.Binding, name} }

// RoundTrip sends a request to the object.
func (s Stub) RoundTrip(r *http.Request) (*http.Response, error) {
	return web.Call(r, "object.fetch", s.binding, s.name)
}

// Forward lets the object answer a request as it came, WebSockets included: neither
// body enters this program. On an error nothing is answered yet.
func (s Stub) Forward(w http.ResponseWriter, r *http.Request) error {
	out, err := web.Of(w)
	if err != nil {
		return err
	}
	v, err := host.Call(r.Context(), "object.forward", s.binding, s.name)
	if err != nil {
		return err
	}
	return out.Forward(web.Int(v))
}
