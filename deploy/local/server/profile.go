//go:build unix

package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// StartProfile starts everything that the compose file holds for a scenario, its
// roles included, as containers of this run alone: on ports that the caller chose
// for the roles and free ones for the servers, with nothing stored. Close removes
// containers, volumes and network. Env is as for [Cloud.UpProfile]; settings are
// what the roles get beside what the file gives them.
func (c *Cloud) StartProfile(ctx context.Context, profile string, env []string, settings map[string]string, roles []RoleContainer, names ...string) (*Set, error) {
	if c.provider != Docker {
		return nil, configuration("roles run in containers with PROVIDER=docker only, and servers come from %s here", c.provider)
	}
	defs, err := find(names)
	if err != nil {
		return nil, err
	}
	free, err := FreePorts(len(defs))
	if err != nil {
		return nil, err
	}
	ports := map[string]int{}
	for i, d := range defs {
		ports[d.Name] = free[i]
		env = append(env, d.PortVariable+"="+strconv.Itoa(free[i]), d.Image.Variable+"="+d.Image.Name())
	}
	over, err := overrides(roles, settings)
	if err != nil {
		return nil, err
	}
	p := privateProject{over: over, cloud: c, name: c.project() + "-" + strings.ToLower(rand.Text()[:8]), env: env}
	set := &Set{servers: map[string]*Running{}, roles: map[string]*Running{}, release: p.remove}
	if err := p.start(ctx, set, profile, defs, ports, roles); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// privateProject is the compose project of one run.
type privateProject struct {
	cloud *Cloud
	name  string
	env   []string
	over  []byte // a second compose file, laid over the first; empty: none
}

// overrides gives settings to all roles in a compose file of its own. JSON is YAML.
func overrides(roles []RoleContainer, settings map[string]string) ([]byte, error) {
	if len(settings) == 0 {
		return nil, nil
	}
	services := map[string]any{}
	for _, role := range roles {
		services[serviceOf(role.Name)] = map[string]any{"environment": settings}
	}
	return json.Marshal(map[string]any{"services": services})
}

// serviceOf is the name in the compose file of a role's process.
func serviceOf(name string) string { return strings.ReplaceAll(name, "/", "-") }

// up starts the project.
func (p privateProject) up(ctx context.Context, profile string, defs []Definition, roles []RoleContainer) error {
	var files []string
	if len(p.over) > 0 {
		dir, err := os.MkdirTemp("", "provingground-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "settings.json")
		if err := os.WriteFile(file, p.over, 0o600); err != nil {
			return err
		}
		files = []string{"--file", file}
	}
	for _, step := range profileSteps(profile, defs, roles) {
		if _, err := p.cloud.composeIn(ctx, p.name, p.env, slices.Concat(files, step)...); err != nil {
			return err
		}
	}
	return nil
}

// profileSteps are the commands of compose that bring a profile up. The processes of
// a role share an image, which is built once, where `up --build` would send the whole
// repository for each of them.
func profileSteps(profile string, defs []Definition, roles []RoleContainer) [][]string {
	build := []string{"--profile", profile, "build"}
	none := len(build)
	for _, d := range defs {
		if strings.HasPrefix(d.Image.Name(), "provingground/") {
			build = append(build, d.Name)
		}
	}
	for _, role := range roles {
		if strings.HasSuffix(role.Name, "/0") {
			build = append(build, serviceOf(role.Name))
		}
	}
	if len(roles) > 0 && len(defs) > 0 { // without a server nothing is provisioned
		build = append(build, profile+"-provision")
	}
	up := []string{"--profile", profile, "up", "--detach", "--wait", "--no-build"}
	if len(build) == none {
		return [][]string{up}
	}
	return [][]string{build, up}
}

func (p privateProject) start(ctx context.Context, set *Set, profile string, defs []Definition, ports map[string]int, roles []RoleContainer) error {
	err := p.cloud.progress.step(ctx, "docker compose --profile "+profile+" up, for this run alone", func(ctx context.Context) error {
		return p.up(ctx, profile, defs, roles)
	})
	if err != nil {
		return err
	}
	for _, d := range defs {
		if set.servers[d.Name], err = p.find(ctx, d, ports[d.Name]); err != nil {
			return err
		}
	}
	for _, role := range roles {
		if set.roles[role.Name], err = p.find(ctx, Definition{Name: role.Name, Health: getReady}, role.Port); err != nil {
			return err
		}
	}
	return nil
}

func (p privateProject) find(ctx context.Context, d Definition, port int) (*Running, error) {
	id, err := p.cloud.composeIn(ctx, p.name, p.env, "ps", "--all", "--quiet", serviceOf(d.Name))
	if err != nil {
		return nil, err
	}
	k := container{id: lastLine(id), def: d, addr: "127.0.0.1:" + strconv.Itoa(port)}
	// Healthy inside its container is not yet reachable from here.
	if err := k.await(ctx); err != nil {
		return nil, err
	}
	r := &Running{Name: d.Name, Addr: k.addr, Provider: Docker, def: d, ctl: k}
	if d.Env != nil {
		r.env = d.Env(k.addr)
	}
	return r, nil
}

// remove is not ended by the end of the run that it tidies up after.
func (p privateProject) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*controlTime)
	defer cancel()
	_, err := p.cloud.composeIn(ctx, p.name, p.env, "--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "10")
	return err
}
