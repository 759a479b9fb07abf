// Package admin is a stub.
package admin

import (
	"net/http"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// Options of a handler.
type Options struct {
	Do   func(func(*broker.Broker))
	Sync func() error
	Keys access.Keys
	Now  func() time.Time
}

// New returns the handler.
func New(Options) http.Handler { return http.NotFoundHandler() }
