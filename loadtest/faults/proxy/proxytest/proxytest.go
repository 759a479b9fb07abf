// Package proxytest starts fault proxies for tests.
package proxytest

import (
	"testing"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// Start starts a proxy, and closes it when the test ends.
func Start(t testing.TB, server string, protocol proxy.Protocol) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Start(t.Context(), proxy.Options{Server: server, Protocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Inject switches an effect on.
func Inject(t testing.TB, p *proxy.Proxy, on proxy.Match, effect proxy.Effect) *proxy.Injected {
	t.Helper()
	in, err := p.Inject(proxy.Fault{On: on, Effect: effect})
	if err != nil {
		t.Fatal(err)
	}
	return in
}
