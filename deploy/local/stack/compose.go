//go:build unix

package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// ComposeEnv returns what the compose file needs to run the roles of a scenario in
// containers, as KEY=value: a host port for each process, public and for
// administration, and the clone's secrets. The roles say where that leads.
func ComposeEnv(ctx context.Context, c *server.Cloud, sc scenarios.Scenario) (env []string, roles []server.RoleContainer, err error) {
	made, err := secrets(ctx, c, sc)
	if err != nil {
		return nil, nil, err
	}
	return composeEnv(sc, made, func(name string) ([]int, error) { return c.ContainerPorts(ctx, name) })
}

func composeEnv(sc scenarios.Scenario, secrets map[string]string, two func(name string) ([]int, error)) (env []string, roles []server.RoleContainer, err error) {
	for _, role := range sc.Roles {
		for _, name := range role.Secrets {
			env = append(env, ComposeVariable(sc.Slug, name)+"="+secrets[name])
		}
		for i := range role.Count {
			name := instanceName(sc.Slug, role.Name, i)
			ports, err := two(name)
			if err != nil {
				return nil, nil, err
			}
			roles = append(roles, server.RoleContainer{Name: name, Port: ports[0], AdminPort: ports[1]})
			env = append(env,
				fmt.Sprintf("%s=%d", ComposeVariable(sc.Slug, role.Name, fmt.Sprint(i), "port"), ports[0]),
				fmt.Sprintf("%s=%d", ComposeVariable(sc.Slug, role.Name, fmt.Sprint(i), "admin", "port"), ports[1]))
		}
	}
	return env, roles, nil
}

// ComposeVariable returns the name of a variable of the compose file.
func ComposeVariable(parts ...string) string { return strings.ToUpper(strings.Join(parts, "_")) }
