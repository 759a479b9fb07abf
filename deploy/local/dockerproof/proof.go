//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/scenarios"
)

// proof is one run: what it has proved so far, one line each.
type proof struct {
	tools  *tools
	engine *engine
	all    bool     // whatever there is to prove
	before []string // containers, volumes and networks of others

	mu    sync.Mutex
	lines []string
}

// claim is one thing to prove.
type claim struct {
	name string
	do   func(context.Context) error
}

// run proves one group of claims after the other. The first that fails ends it; what
// runs then is ended, too.
func (p *proof) run(ctx context.Context, chosen []scenarios.Scenario) (err error) {
	groups := [][]claim{{{"the compose file asks for the documented images and no others", p.images}}}
	loaded := slices.DeleteFunc(slices.Clone(chosen), func(s scenarios.Scenario) bool { return s.Slug == server.ObservabilityProfile })
	// A Worker alone has no server.
	if i := slices.IndexFunc(loaded, func(s scenarios.Scenario) bool { return len(s.Needs) > 0 }); i >= 0 {
		s := loaded[i]
		groups = append(groups, []claim{{s.Slug + ": a server that is not healthy stops the start", func(ctx context.Context) error { return p.unhealthy(ctx, s) }}})
	}
	for two := range slices.Chunk(loaded, 2) {
		groups = append(groups, p.groups(two)...)
	}
	if len(loaded) < len(chosen) {
		groups = append(groups, p.observed()...)
	}
	if p.all {
		groups = append(groups, []claim{{"up without a name brings all servers to health, and down leaves nothing", p.upAll}})
	}
	groups = append(groups,
		// Alone: some of them hold an answer against a time.
		[]claim{{"tests run on containers that testcontainers starts", p.integration}},
		[]claim{{"without an engine these tests fail", p.noEngine}},
		[]claim{{"nothing is left", p.nothingLeft}},
	)
	for _, group := range groups {
		var all []func() error
		for _, c := range group {
			all = append(all, func() error { return p.prove(ctx, c) })
		}
		if err := atOnce(all...); err != nil {
			return errors.Join(err, p.down(context.WithoutCancel(ctx)))
		}
	}
	return nil
}

func (p *proof) prove(ctx context.Context, c claim) error {
	began := time.Now()
	err := p.tools.step(c.name, func() error { return c.do(ctx) })
	result := "ok"
	if err != nil {
		result = "FAILED"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, fmt.Sprintf("%-6s %4.0f s  %s", result, time.Since(began).Seconds(), c.name))
	return err
}

// groups are the claims of two scenarios, or of the last one. Their loads are small
// and mostly wait, so they run at once; what starts in the clone's own project does
// not.
func (p *proof) groups(two []scenarios.Scenario) (groups [][]claim) {
	var loads, drills []claim
	var slugs []string
	for _, s := range two {
		slugs = append(slugs, s.Slug)
		groups = append(groups, []claim{{s.Slug + ": up brings every container to health", func(ctx context.Context) error { return p.up(ctx, s) }}})
		loads = append(loads, claim{s.Slug + ": a short load through published ports, with a clean ledger", func(ctx context.Context) error { return p.load(ctx, s, "") }})
		drill, why := killing(s.Slug)
		if drill == "" {
			p.lines = append(p.lines, "not run        "+s.Slug+": no container is killed: "+why)
			continue
		}
		drills = append(drills, claim{s.Slug + ": " + drill + " kills a container, and the ledger is clean", func(ctx context.Context) error { return p.load(ctx, s, drill) }})
	}
	names := strings.Join(slugs, ", ")
	return append(groups,
		[]claim{{names + ": down leaves nothing", func(ctx context.Context) error { return errors.Join(p.down(ctx), p.nothingLeft(ctx)) }}},
		loads, drills,
		[]claim{{names + ": the runs leave nothing", p.nothingLeft}},
	)
}

// killing returns a drill that kills a container and needs no proxy between
// containers, or why there is none.
func killing(slug string) (drill, why string) {
	drills := map[string]string{
		"urlshortener":   "redis-down",
		"ordernotify":    "inventory-down",
		"imageresize":    "resize-killed",
		"webhooks":       "processor-killed",
		"orderprocessor": "processor-killed",
		"leaderboard":    "redis-down",
		"checkout":       "pooler-killed",
		"pubsubdlq":      "subscriber-killed",
		"edgeroom":       "killed",
	}
	reasons := map[string]string{
		"edgeapi":       "its drill that kills puts a proxy between Worker and D1, which share a network of containers",
		"servicebusdlq": "its drills pause processes and servers, and kill none",
	}
	return drills[slug], reasons[slug]
}

// env leads our programs to the engine and to the images that run here. Ryuk is an
// image of a vendor, too, so testcontainers goes without; a file says to it that
// this machine is a container, and it is not the engine's.
func (p *proof) env(more ...string) []string {
	env := slices.Concat(p.engine.env, imageEnv(), []string{
		"PROVIDER=docker", "TESTCONTAINERS_RYUK_DISABLED=true", "TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1",
	})
	return append(env, more...)
}

func (p *proof) images(ctx context.Context) error {
	var defaults []string
	for _, v := range vendorImages() {
		defaults = append(defaults, v.variable+"=")
	}
	text, err := output(ctx, slices.Concat(p.engine.env, defaults), "docker", "compose", "--profile", "*", "config", "--images")
	if err != nil {
		return err
	}
	return compareImages(strings.Fields(text))
}

// compareImages holds what the compose file names against what is documented.
// Images that only build others are not in its list.
func compareImages(names []string) error {
	var wrong []string
	for _, name := range names {
		documented := slices.ContainsFunc(vendorImages(), func(v vendorImage) bool { return v.image == name })
		if !documented && !strings.HasPrefix(name, "provingground/") {
			wrong = append(wrong, name+" is not documented")
		}
	}
	for _, v := range vendorImages() {
		if !v.builds() && !slices.Contains(names, v.image) {
			wrong = append(wrong, v.image+" is documented and not used")
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(slices.Compact(slices.Sorted(slices.Values(wrong))), "\n"))
	}
	return nil
}

func (p *proof) program(name string) string { return filepath.Join(p.tools.root, "bin", name) }

func (p *proof) build(ctx context.Context) error {
	return p.tools.step("building local and loadtest", func() error {
		_, err := output(ctx, nil, "go", "build", "-o", p.program("")+"/", "./deploy/local", "./loadtest")
		return err
	})
}

func (p *proof) up(ctx context.Context, s scenarios.Scenario) error {
	if _, err := output(ctx, p.env(), p.program("local"), "up", s.Slug); err != nil {
		return err
	}
	return p.healthy(ctx, s)
}

func (p *proof) healthy(ctx context.Context, s scenarios.Scenario) error {
	status, err := output(ctx, p.env(), p.program("local"), "status")
	if err != nil {
		return err
	}
	return allHealthy(s, status)
}

// upAll starts the servers of all scenarios that run, and no roles.
func (p *proof) upAll(ctx context.Context) error {
	if _, err := output(ctx, p.env(), p.program("local"), "up"); err != nil {
		return err
	}
	var servers scenarios.Scenario
	for _, s := range scenarios.All() {
		if s.Runs() {
			servers.Needs = append(servers.Needs, s.Needs...)
		}
	}
	return errors.Join(p.healthy(ctx, servers), p.down(ctx), p.nothingLeft(ctx))
}

// allHealthy finds every server and process of a scenario in what `make status` says.
func allHealthy(s scenarios.Scenario, status string) error {
	names := slices.Clone(s.Needs)
	for _, role := range s.Roles {
		for i := range role.Count {
			names = append(names, fmt.Sprintf("%s/%s/%d", s.Slug, role.Name, i))
		}
	}
	for _, name := range names {
		found := false
		for line := range strings.Lines(status) {
			fields := strings.Fields(line)
			found = found || len(fields) > 1 && fields[0] == name && fields[len(fields)-1] == "healthy"
		}
		if !found {
			return fmt.Errorf("%s is not healthy:\n%s", name, status)
		}
	}
	return nil
}

func (p *proof) down(ctx context.Context) error {
	_, err := output(ctx, p.env(), p.program("local"), "down")
	return err
}

func (p *proof) nothingLeft(ctx context.Context) error {
	now, err := p.engine.things(ctx)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(now, func(name string) bool { return slices.Contains(p.before, name) })
	if len(left) > 0 {
		return fmt.Errorf("left: %s", strings.Join(left, ", "))
	}
	return nil
}

// load is a twentieth of the target for ten seconds, or a drill of twenty,
// judged by the guarantee alone.
func (p *proof) load(ctx context.Context, s scenarios.Scenario, drill string) error {
	rate, records := max(2, s.Target.Rate/20), min(2000, max(20, s.Target.Records/10))
	args := []string{
		"-containers", "-untimed", "-rate", strconv.FormatFloat(rate, 'f', -1, 64), "-records", strconv.Itoa(records),
		"-warmup", "1s", "-reports", filepath.Join(p.tools.dir, "reports"),
	}
	if drill == "" {
		args = append(args, "-duration", "10s")
	} else {
		args = append(args, "-duration", "20s", "-drill", drill)
	}
	_, err := output(ctx, p.env(), p.program("loadtest"), append(args, s.Slug)...)
	return err
}

// unhealthy starts the scenario with a server that never answers.
func (p *proof) unhealthy(ctx context.Context, s scenarios.Scenario) error {
	d, err := server.Find(s.Needs[0])
	if err != nil {
		return err
	}
	env := p.env(d.Image.Variable+"="+deafImage, "HEALTH_RETRIES=3")
	_, err = output(ctx, env, p.program("local"), "up", s.Slug)
	switch {
	case err == nil:
		return errors.New("it started")
	case !strings.Contains(err.Error(), "unhealthy"):
		return fmt.Errorf("what it says is not that a server is unhealthy: %w", err)
	}
	return errors.Join(p.down(ctx), p.nothingLeft(ctx))
}

// testedPackages have the tests that run through testcontainers, on testedServers.
func testedPackages() []string {
	return []string{"./deploy/local/server/servertest", "./pkg/inbox", "./scenarios/urlshortener"}
}

func testedServers() []string { return []string{"redis", "postgres", "dynamodb"} }

func (p *proof) integration(ctx context.Context) error {
	_, err := output(ctx, p.env(), "go", append([]string{"test", "-count=1", "-timeout", "8m"}, testedPackages()...)...)
	return err
}

// noEngine wants a failure that says what is missing. A test that is skipped
// passes.
func (p *proof) noEngine(ctx context.Context) error {
	env := p.env("DOCKER_HOST=unix://" + filepath.Join(p.tools.dir, "nobody.sock"))
	_, err := output(ctx, env, "go", "test", "-count=1", "-run", "TestEachTestHasServersOfItsOwn", "./deploy/local/server/servertest")
	switch {
	case err == nil:
		return errors.New("the test passed")
	case !strings.Contains(err.Error(), "install Docker"):
		return fmt.Errorf("the test does not say what to install: %w", err)
	}
	return nil
}
