//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// startRoles tries again with other ports when another program was faster.
func (s *Stack) startRoles(ctx context.Context, o Options, servers, secrets, programs map[string]string) error {
	var last error
	for range 3 {
		if err := s.plan(ctx, o, servers, secrets, programs); err != nil {
			return err
		}
		last = s.startAll(ctx)
		if !errors.Is(last, errPortTaken) {
			return last
		}
		for _, in := range s.Instances {
			if err := in.Kill(); err != nil {
				return err
			}
		}
	}
	return last
}

// plan gives every process its two ports; nothing starts yet.
func (s *Stack) plan(ctx context.Context, o Options, servers, secrets, programs map[string]string) error {
	s.Instances = nil
	called := map[string]string{}
	for _, role := range o.Scenario.Roles {
		ports, err := s.ports(ctx, o.Scenario.Slug, role)
		if err != nil {
			return err
		}
		env, err := withCalls(roleEnv(role, servers, secrets, o.Env), role, called)
		if err != nil {
			return err
		}
		runner, err := o.runner(ctx, role)
		if err != nil {
			return err
		}
		public := "http://" + address(ports[0])
		called[role.Name] = public
		for i := range role.Most() {
			in := s.instance(o.Scenario.Slug, role.Name, i, ports[2*i], ports[2*i+1], public, env, programs[role.Name])
			in.Spare = i >= role.Count
			if in.runner = runner; runner != nil && !runner.function {
				in.env = append(in.env, "STATE_DIR="+s.stateFolder(in.name))
			}
			s.Instances = append(s.Instances, in)
		}
	}
	return nil
}

func (s *Stack) ports(ctx context.Context, slug string, role scenarios.Role) ([]int, error) {
	if !s.shared {
		return server.FreePorts(2 * role.Most())
	}
	var keys []string
	for i := range role.Most() {
		name := instanceName(slug, role.Name, i)
		r, found, err := s.cloud.Recorded(name)
		if err != nil {
			return nil, err
		}
		if found && r.Process.Alive() {
			return nil, fmt.Errorf("%s runs already (process %d): end it with `go run ./deploy/local down`", name, r.Process.PID)
		}
		keys = append(keys, name, name+"/admin")
	}
	return s.cloud.Ports(ctx, keys...)
}

func (s *Stack) instance(slug, role string, index, port, admin int, public string, env map[string]string, program string) *Instance {
	in := &Instance{
		Role: role, Index: index, URL: "http://" + address(port), AdminURL: "http://" + address(admin),
		name: instanceName(slug, role, index), program: program, port: port, admin: admin, stack: s,
	}
	in.log = filepath.Join(s.logs, strings.ReplaceAll(in.name, "/", "-")+".log")
	own := maps.Clone(env)
	own["ADDR"], own["ADMIN_ADDR"], own["PUBLIC_URL"] = address(port), address(admin), public
	for _, key := range slices.Sorted(maps.Keys(own)) {
		in.env = append(in.env, key+"="+own[key])
	}
	return in
}

func (s *Stack) startAll(ctx context.Context) error {
	errs := make([]error, len(s.Instances))
	var starting sync.WaitGroup
	for i, in := range s.Instances {
		if !in.Spare {
			starting.Go(func() { errs[i] = in.Start(ctx) })
		}
	}
	starting.Wait()
	return errors.Join(errs...)
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
