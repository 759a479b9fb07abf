//go:build unix

// Package detour leads the roles of a scenario through fault proxies, one in
// front of each server, while everybody else (the template, the judge) keeps
// talking to the servers themselves.
//
// A load run starts the servers, then the detour, then the roles:
//
//	set, err := cloud.Start(ctx, sc.Needs...)
//	d, err := detour.Start(ctx, set, set.Names()...)
//	s, err := stack.Start(ctx, stack.Options{Scenario: sc, Cloud: cloud, Servers: set, Env: d.Env()})
//
// Stack.Env then shows what the roles got; effects are looked for with [Direct].
//
// A client that takes an address out of an answer goes past the proxy. The SDK for
// Go does not (it leaves a queue's URL for the endpoint it was given); others do.
package detour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/faults/proxy/aws"
	"github.com/provingground/provingground/loadtest/faults/proxy/d1"
	"github.com/provingground/provingground/loadtest/faults/proxy/postgres"
	"github.com/provingground/provingground/loadtest/faults/proxy/pubsub"
	"github.com/provingground/provingground/loadtest/faults/proxy/redis"
	"github.com/provingground/provingground/loadtest/faults/proxy/tables"
)

// Detour is the proxies of one run. They share a World: a Kill on one of them
// stops all.
type Detour struct {
	proxies map[string]*proxy.Proxy
	closers map[string]io.Closer
	env     map[string]string
}

// Start starts a proxy in front of each named server of the set. A server that
// speaks TLS cannot be proxied and is an error.
func Start(ctx context.Context, set *server.Set, names ...string) (*Detour, error) {
	d := &Detour{proxies: map[string]*proxy.Proxy{}, closers: map[string]io.Closer{}, env: map[string]string{}}
	world := &proxy.World{}
	for _, name := range names {
		if err := d.add(ctx, set.Get(name), name, world); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

func (d *Detour) add(ctx context.Context, s *server.Running, name string, world *proxy.World) error {
	if s == nil {
		return fmt.Errorf("detour: no server %q in the set", name)
	}
	if d.proxies[name] != nil {
		return nil
	}
	p, closer, err := before(ctx, name, proxy.Options{Server: s.Addr, Protocol: protocol(name), World: world})
	if err != nil {
		return fmt.Errorf("detour: %s: %w", name, err)
	}
	d.proxies[name], d.closers[name] = p, closer
	env, err := Override(s.Env(), s.Addr, p.Addr())
	if err != nil {
		return fmt.Errorf("detour: %s: %w", name, err)
	}
	maps.Copy(d.env, env)
	return nil
}

// before starts the proxy that fits a server.
func before(ctx context.Context, name string, o proxy.Options) (*proxy.Proxy, io.Closer, error) {
	if name == "pubsub" {
		p, err := pubsub.Start(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		return p.Proxy, p, nil
	}
	p, err := proxy.Start(ctx, o)
	return p, p, err
}

// protocol returns nil for servers whose connections only the link can break.
func protocol(name string) proxy.Protocol {
	switch name {
	case "aws", "dynamodb", "kinesis":
		return aws.Protocol()
	case "redis":
		return redis.Protocol()
	case "d1":
		return d1.Protocol()
	case "tables":
		return tables.Protocol()
	case "postgres", "pgbouncer":
		return postgres.Protocol()
	}
	return nil
}

// Override returns those variables that hold the address from, with the address to
// in its place.
func Override(env map[string]string, from, to string) (map[string]string, error) {
	changed := map[string]string{}
	for key, value := range env {
		if !strings.Contains(value, from) {
			continue
		}
		if scheme, _, _ := strings.Cut(value, "://"); scheme == "https" || scheme == "rediss" {
			return nil, fmt.Errorf("%s speaks TLS (%s), which a fault proxy does not", key, scheme)
		}
		changed[key] = strings.ReplaceAll(value, from, to)
	}
	if len(changed) == 0 {
		return nil, fmt.Errorf("no variable of %v holds %s", slices.Sorted(maps.Keys(env)), from)
	}
	return changed, nil
}

// Direct returns env as somebody needs it who goes to the servers themselves.
func Direct(env map[string]string, set *server.Set) map[string]string {
	direct := maps.Clone(env)
	maps.Copy(direct, set.Env())
	return direct
}

// Env returns the variables that lead through the proxies, for roles.
func (d *Detour) Env() map[string]string { return maps.Clone(d.env) }

// Proxy returns the proxy in front of a server, or nil.
func (d *Detour) Proxy(name string) *proxy.Proxy { return d.proxies[name] }

// Names returns the servers with a proxy, sorted.
func (d *Detour) Names() []string { return slices.Sorted(maps.Keys(d.proxies)) }

// Close ends all proxies; connections through them break, so roles that are to
// end cleanly end before.
func (d *Detour) Close() error {
	var errs []error
	for _, name := range d.Names() {
		errs = append(errs, d.closers[name].Close())
	}
	return errors.Join(errs...)
}
