//go:build unix

// Package stack runs a whole scenario on this machine: its servers, its
// infrastructure and every process of its roles.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// Options say what to run and how.
type Options struct {
	Scenario scenarios.Scenario
	// Root is the clone's .local; default: that of Cloud, else the one beside
	// the go.mod above the working folder.
	Root string
	// Module is the folder of go.mod; default: the one above the working folder.
	Module string
	// Commands is the folder below Module with one program for each role;
	// default: scenarios/<slug>/cmd.
	Commands string
	// Cloud gives the servers; default: one that decides by itself.
	Cloud *server.Cloud
	// Servers are used when they run already; Close leaves them running.
	Servers *server.Set
	// Shared uses the clone's long-lived servers, ports and logs; otherwise the
	// run has servers of its own and leaves nothing.
	Shared bool
	// Containers runs the roles in containers, too, as the compose file says. Then
	// Edits, Servers and Shared stay empty.
	Containers bool
	// Edits are made in the build, for roles that are broken on purpose.
	Edits []Edit
	// Env overrides what the roles get.
	Env map[string]string
	// Out gets progress; default: nothing is said.
	Out io.Writer
}

// Stack is a running scenario.
type Stack struct {
	// Env is what every role got, without the addresses of single processes.
	Env       map[string]string
	Servers   *server.Set
	Instances []*Instance // in the order of the catalogue's roles

	options Options
	scaling []*scaler
	cloud   *server.Cloud
	ours    bool // the servers end with the stack
	logs    string
	shared  bool
}

// Start builds the roles, starts the servers, applies the template, starts every
// role as often as the catalogue says, and returns when all are ready.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if err := o.complete(ctx); err != nil {
		return nil, err
	}
	if o.Containers {
		return startContainers(ctx, o)
	}
	programs, err := o.build(ctx, o.Edits)
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, cloud: o.Cloud, shared: o.Shared, Servers: o.Servers}
	if err := s.start(ctx, o, programs); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (o *Options) complete(ctx context.Context) error {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Module == "" {
		dir, err := moduleFolder()
		if err != nil {
			return err
		}
		o.Module = dir
	}
	if o.Commands == "" {
		o.Commands = filepath.Join("scenarios", o.Scenario.Slug, "cmd")
	}
	if o.Cloud == nil {
		c, err := server.Open(ctx, server.Options{Root: o.Root, Out: o.Out})
		if err != nil {
			return err
		}
		o.Cloud = c
	}
	o.Root = o.Cloud.Root()
	return nil
}

func moduleFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working folder")
		}
	}
}

func (s *Stack) start(ctx context.Context, o Options, programs map[string]string) error {
	if err := s.startServers(ctx, o); err != nil {
		return err
	}
	secrets, err := secrets(ctx, o.Cloud, o.Scenario)
	if err != nil {
		return err
	}
	servers := s.Servers.Env()
	s.Env = environment(o.Scenario, servers, secrets, o.Env)
	if err := apply(ctx, o, servers); err != nil {
		return err
	}
	s.logs = s.logFolder(o.Root)
	if err := os.MkdirAll(s.logs, 0o755); err != nil {
		return err
	}
	if err := s.startRoles(ctx, o, servers, secrets, programs); err != nil {
		return err
	}
	s.startScaling(ctx, o, servers)
	return nil
}

func (s *Stack) startServers(ctx context.Context, o Options) (err error) {
	switch {
	case s.Servers != nil:
		return nil
	case o.Shared:
		s.Servers, err = o.Cloud.Up(ctx, o.Scenario.Needs...)
	default:
		s.ours = true
		s.Servers, err = o.Cloud.Start(ctx, o.Scenario.Needs...)
	}
	return err
}

// apply talks to the servers themselves, also where the roles are sent through a
// proxy that makes faults.
func apply(ctx context.Context, o Options, servers map[string]string) error {
	if o.Scenario.Template == "" {
		return nil
	}
	if config, ok := strings.CutPrefix(o.Scenario.Template, "cloudflare/"); ok {
		return provision.Migrate(ctx, servers, config)
	}
	template, err := os.ReadFile(filepath.Join(o.Module, "deploy", o.Scenario.Template))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return provision.File(ctx, servers, o.Scenario.Slug, o.Scenario.Template, string(template))
}

func (s *Stack) logFolder(root string) string {
	if dir := s.Servers.Dir(); dir != "" && !s.shared {
		return dir
	}
	return filepath.Join(root, "log")
}

// environment is what all roles of the scenario got, together.
func environment(sc scenarios.Scenario, servers, secrets, overrides map[string]string) map[string]string {
	env := map[string]string{}
	for _, role := range sc.Roles {
		maps.Copy(env, roleEnv(role, servers, secrets, overrides))
	}
	return env
}

// roleEnv is complete: nothing of ours but the search path, the home folder and
// OpenTelemetry's own variables reaches a role.
func roleEnv(role scenarios.Role, servers, secrets, overrides map[string]string) map[string]string {
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME")}
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			env[name] = value
		}
	}
	maps.Copy(env, servers)
	maps.Copy(env, role.Env)
	for _, name := range role.Secrets {
		env[name] = secrets[name]
	}
	maps.Copy(env, overrides)
	return env
}

// Wait returns when ctx ends (nil) or a role ends that nobody asked to.
func (s *Stack) Wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	died := make(chan error, len(s.Instances))
	var watching sync.WaitGroup
	for _, in := range s.Instances {
		if in.Spare {
			continue // its scaler watches it
		}
		watching.Go(func() {
			select {
			case <-ctx.Done():
			case <-in.Process().Done():
				died <- in.Process().Err()
			}
		})
	}
	defer watching.Wait()
	defer cancel()
	select {
	case <-ctx.Done():
		return nil
	case err := <-died:
		return err
	}
}

// Close ends the roles (SIGTERM, then SIGKILL when ctx ends), then the servers
// that are the stack's own. It returns what went wrong: a role that had died by
// itself, one that did not end cleanly, and what could not be removed.
func (s *Stack) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	scaled := s.stopScaling()
	errs := make([]error, len(s.Instances))
	var ending sync.WaitGroup
	for i, in := range s.Instances {
		ending.Go(func() { errs[i] = in.close(ctx) })
	}
	ending.Wait()
	if s.ours && s.Servers != nil {
		errs = append(errs, s.Servers.Close())
	}
	return errors.Join(append(errs, scaled)...)
}

func (s *Stack) remember(in *Instance, id process.ID) error {
	if !s.shared {
		return nil
	}
	return s.cloud.Remember(server.Record{Name: in.name, Provider: server.Native, Process: id, Port: in.port, Log: in.log})
}

func (s *Stack) forget(in *Instance) error {
	if !s.shared {
		return nil
	}
	return s.cloud.Forget(in.name)
}

// TryIt returns the catalogue's first commands with the URLs of this stack.
func (s *Stack) TryIt(sc scenarios.Scenario) []string {
	var commands []string
	for _, role := range sc.Roles {
		for _, in := range s.Instances {
			if in.Role == role.Name && in.Index == 0 && role.TryIt != "" {
				commands = append(commands, strings.ReplaceAll(role.TryIt, "{url}", in.URL))
			}
		}
	}
	return commands
}

func instanceName(slug, role string, index int) string {
	return fmt.Sprintf("%s/%s/%d", slug, role, index)
}
