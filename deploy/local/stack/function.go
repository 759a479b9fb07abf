//go:build unix

package stack

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/scenarios"
)

// FunctionEnv is what the host of a function is told besides its program, wherever
// it runs. Its processes share the reserved concurrency evenly.
func FunctionEnv(slug string, role scenarios.Role) map[string]string {
	if role.Lambda == nil {
		return nil
	}
	env := map[string]string{
		"NAME": slug + "-" + role.Name, "SHARES": strconv.Itoa(role.Count), "CONCURRENCY": strconv.Itoa(role.Lambda.Concurrency),
		"TIMEOUT": role.Lambda.Timeout.String(), "IDLE": role.Lambda.Idle.String(),
	}
	if n := role.Lambda.Provisioned; n > 0 {
		env["PROVISIONED"] = strconv.Itoa(n)
	}
	return env
}

// function returns what runs a role that is a function: its host.
func (o Options) function(ctx context.Context, slug string, role scenarios.Role) (*runner, error) {
	host := filepath.Join(o.Root, "bin", "lambdagateway")
	if err := (build{module: o.Module, pkg: "./deploy/local/lambda/cmd/lambdagateway"}).run(ctx, host); err != nil {
		return nil, fmt.Errorf("%s: %w", role.Name, err)
	}
	var env []string
	for name, value := range FunctionEnv(slug, role) {
		if _, overridden := o.Env[name]; !overridden {
			env = append(env, name+"="+value)
		}
	}
	return &runner{path: host, env: env, function: true}, nil
}

// host runs the program that is named as a function of the host.
func (r *runner) host(s process.Spec) process.Spec {
	s.Env = append(append(s.Env, r.env...), "FUNCTION="+s.Path, "LOG="+s.Log)
	s.Path = r.path
	return s
}

// withCalls is env and the addresses of the roles that a role calls, each of which
// comes before it in the catalogue.
func withCalls(env map[string]string, role scenarios.Role, public map[string]string) (map[string]string, error) {
	all := maps.Clone(env)
	for variable, name := range role.Calls {
		url, found := public[name]
		if !found {
			return nil, fmt.Errorf("%s calls %s, which does not come before it in the catalogue", role.Name, name)
		}
		all[variable] = url
	}
	return all, nil
}
