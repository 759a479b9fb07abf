package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/scenarios"
)

const (
	startTimeout = 10 * time.Minute // a first run installs and compiles
	judgeTimeout = 3 * time.Minute
	closeTimeout = 30 * time.Second
)

// once starts a private stack, puts the load on it, judges, and writes the report.
func once(ctx context.Context, o options, out io.Writer) (verdict judge.Verdict, err error) {
	scene, err := start(ctx, o, out)
	if err != nil {
		return judge.Fail, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, scene.close(closing))
	}()

	r := &attempt{options: o, scene: scene, out: out}
	if err := r.prepare(ctx); err != nil {
		return judge.Fail, err
	}
	// The balancer and the follow-ups outlive the load: an interrupted run is judged, too.
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watchers sync.WaitGroup
	watchers.Go(func() { r.driver.Watch(watching) })
	for _, front := range r.setup.Front {
		watchers.Go(func() { front.Run(watching) })
	}
	defer watchers.Wait()
	defer stop()

	if err := r.load(ctx); err != nil {
		return judge.Fail, err
	}
	judging, cancel := context.WithTimeout(context.WithoutCancel(ctx), judgeTimeout)
	defer cancel()
	return r.report(r.judge(judging))
}

// scene is what a run plays on: servers, fault proxies before them where the
// drill needs any, and the roles.
type scene struct {
	servers *server.Set
	detour  *detour.Detour // nil without
	stack   *stack.Stack
}

func start(ctx context.Context, o options, out io.Writer) (s scene, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cloud, err := server.Open(ctx, server.Options{Out: out})
	if err != nil {
		return scene{}, fmt.Errorf("%w: %w", errUsage, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	drill := o.planned()
	env := merge(drill.Env, faulty(drill.Bindings))
	given, err := cloud.Given(o.scenario.Needs...)
	if err != nil {
		return s, err
	}
	why := o.needsProcesses(drill, given)
	if o.containers && why != "" {
		return s, fmt.Errorf("%w: %s: without -containers", errUsage, why)
	}
	if cloud.Provider() == server.Docker && why != "" {
		fmt.Fprintf(out, "servers in containers, roles as processes: %s\n", why)
	}
	if o.containers || cloud.Provider() == server.Docker && why == "" {
		s.stack, err = stack.Start(ctx, stack.Options{Scenario: o.scenario, Cloud: cloud, Containers: true, Env: env, Out: out})
		return s, err
	}
	if s.servers, err = cloud.Start(ctx, o.scenario.Needs...); err != nil {
		return s, err
	}
	if len(drill.Operations) > 0 {
		if s.detour, err = detour.Start(ctx, s.servers, drill.Servers...); err != nil {
			return s, err
		}
		env = merge(env, s.detour.Env())
	}
	s.stack, err = stack.Start(ctx, stack.Options{Scenario: o.scenario, Cloud: cloud, Servers: s.servers, Edits: o.edits, Env: env, Out: out})
	return s, err
}

// needsProcesses says why the roles cannot run in containers, or nothing. Given is a
// server that is not ours.
func (o options) needsProcesses(drill scenarios.Drill, given string) string {
	switch {
	case given != "":
		return given + " comes from the environment, and may not be reached from a container"
	case len(drill.Operations) > 0:
		return "drill " + drill.Name + " puts a proxy between roles and servers, which share a network of containers"
	case len(o.edits) > 0:
		return "their build is broken on purpose"
	}
	return ""
}

// faulty tells Workers before which of their bindings there is a stand-in that makes
// faults.
func faulty(bindings []string) map[string]string {
	if len(bindings) == 0 {
		return nil
	}
	return map[string]string{"FAULTS": strings.Join(bindings, ",")}
}

func merge(all ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

// close ends the roles first: what they still send passes the proxies.
func (s scene) close(ctx context.Context) error {
	var errs []error
	if s.stack != nil {
		errs = append(errs, s.stack.Close(ctx))
	}
	if s.detour != nil {
		errs = append(errs, s.detour.Close())
	}
	if s.servers != nil {
		errs = append(errs, s.servers.Close())
	}
	return errors.Join(errs...)
}
