//go:build unix

package stack

import (
	"context"
	"errors"
	"fmt"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// errContainers is what a run with the roles in containers cannot do.
var errContainers = errors.New("with the roles in containers")

// startContainers runs the roles from the compose file, with servers of their own
// in the same network. Infrastructure is applied by the file's own service.
func startContainers(ctx context.Context, o Options) (*Stack, error) {
	switch {
	case len(o.Edits) > 0:
		return nil, fmt.Errorf("%w no build is edited", errContainers)
	case o.Shared || o.Servers != nil:
		return nil, fmt.Errorf("%w the servers are in their network, too", errContainers)
	}
	secrets, err := secrets(ctx, o.Cloud, o.Scenario)
	if err != nil {
		return nil, err
	}
	env, roles, err := composeEnv(o.Scenario, secrets, func(string) ([]int, error) { return server.FreePorts(2) })
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, cloud: o.Cloud, ours: true}
	if s.Servers, err = o.Cloud.StartProfile(ctx, o.Scenario.Slug, env, o.Env, roles, o.Scenario.Needs...); err != nil {
		return nil, err
	}
	s.Env = environment(o.Scenario, s.Servers.Env(), secrets, o.Env)
	for _, role := range o.Scenario.Roles {
		for i := range role.Count {
			s.Instances = append(s.Instances, s.contained(roles[len(s.Instances)], role.Name, i))
		}
	}
	return s, nil
}

func (s *Stack) contained(c server.RoleContainer, role string, index int) *Instance {
	return &Instance{
		Role: role, Index: index, URL: "http://" + address(c.Port), AdminURL: "http://" + address(c.AdminPort),
		name: c.Name, port: c.Port, admin: c.AdminPort, stack: s, container: s.Servers.Role(c.Name),
	}
}

// inContainer is where the program of a role lies in its image, of a Worker the
// folder of its modules.
func inContainer(role scenarios.Role) string {
	switch {
	case role.Worker != "":
		return "/worker"
	case role.Lambda != nil:
		return "/function"
	}
	return "/role"
}
