// Command loadtest puts a scenario under load, or breaks it under load, and
// says whether its target and its guarantee held.
//
//	go run ./loadtest [-rate N] [-duration D] [-drill NAME|all] SLUG
//	go run ./loadtest compare [-html FILE] A.json… [--] B.json…
//
// It exits with 0 for pass, 1 for fail, 2 for a mistake in the call or the
// configuration, 3 for invalid: the machine was too busy to judge.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/compare"
	"github.com/provingground/provingground/loadtest/drills"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/machine"
	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

var errUsage = errors.New("usage")

func main() {
	// The generator is one thread: a second P costs a third more CPU per request,
	// and the cores belong to what is measured.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	// What a drill's victim leaves behind is ours, and not the other load of this machine.
	if err := process.AdoptOrphans(); err != nil {
		fmt.Fprintln(os.Stderr, "loadtest: adopt orphans:", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	verdict, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(exitCode(verdict, err, os.Stderr))
}

func exitCode(verdict judge.Verdict, err error, out io.Writer) int {
	if err != nil {
		fmt.Fprintln(out, "loadtest:", err)
	}
	switch {
	case errors.Is(err, errUsage):
		return 2
	case err != nil || verdict == judge.Fail:
		return 1
	case verdict == judge.Invalid:
		return 3
	}
	return 0
}

// options are what the command line asks for.
type options struct {
	scenario scenarios.Scenario
	rate     float64
	rated    bool // the caller gave the rate
	records  int
	duration time.Duration
	timed    bool // the caller gave the duration
	warmUp   time.Duration
	drill    string
	reports  string
	untimed  bool // judge the guarantee alone
	// Where servers come from Docker the roles run in containers, too, and the load
	// goes through published ports. This insists on it.
	containers bool
	edits      []stack.Edit // for builds of the roles that are broken on purpose
	command    string
}

// run parses the command line and does what it says. `loadtest reference` is
// the bare server that the machine is measured by.
func run(ctx context.Context, args []string, out, errOut io.Writer) (judge.Verdict, error) {
	if len(args) == 1 && args[0] == "reference" {
		return judge.Pass, machine.ReferenceServer(ctx, "127.0.0.1:0", out)
	}
	if len(args) > 0 && args[0] == "compare" {
		file, _ := out.(*os.File)
		if err := compare.Command(args[1:], out, errOut, file != nil && report.Color(file)); err != nil {
			return judge.Fail, fmt.Errorf("%w: %w", errUsage, err)
		}
		return judge.Pass, nil
	}
	o, err := parse(args, errOut)
	if err != nil {
		return judge.Fail, err
	}
	if o.drill == "" {
		return once(ctx, o, out)
	}
	return runDrills(ctx, o, out)
}

func parse(args []string, errOut io.Writer) (options, error) {
	o := options{command: "go run ./loadtest " + strings.Join(args, " ")}
	flags := flag.NewFlagSet("loadtest", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Float64Var(&o.rate, "rate", 0, "arrivals per second (default: the scenario's target, which may be a share of what it can do, or what it drills at)")
	flags.IntVar(&o.records, "records", 0, "records made before the load (default: the scenario's target)")
	flags.DurationVar(&o.duration, "duration", 0, "measured time (default: the scenario's target)")
	flags.DurationVar(&o.warmUp, "warmup", -1, "time before it (default: the scenario's target)")
	flags.StringVar(&o.drill, "drill", "", "a drill's name, several with commas between, or all")
	flags.StringVar(&o.reports, "reports", filepath.Join(".local", "reports"), "folder for the reports")
	flags.BoolVar(&o.untimed, "untimed", false, "judge the guarantee alone, not how fast it was")
	flags.BoolVar(&o.containers, "containers", false, "fail where the roles cannot run in containers, as they do with Docker")
	if err := flags.Parse(args); err != nil {
		return o, fmt.Errorf("%w: see above", errUsage)
	}
	if flags.NArg() != 1 {
		return o, fmt.Errorf("%w: name one scenario: %s", errUsage, running())
	}
	s, ok := scenarios.Find(flags.Arg(0))
	if !ok || !s.Starts() {
		return o, fmt.Errorf("%w: no scenario %q runs yet: %s", errUsage, flags.Arg(0), running())
	}
	o.scenario = s
	return o.withDefaults()
}

func (o options) withDefaults() (options, error) {
	target := o.scenario.Target
	o.rated = o.rate != 0
	if o.rate == 0 && o.drill != "" {
		o.rate = o.scenario.DrillRate
	}
	if o.rate == 0 {
		o.rate = target.Rate
	}
	o.timed = o.duration != 0
	if !o.timed {
		o.duration = target.Duration
	}
	if o.warmUp < 0 {
		o.warmUp = target.WarmUp
	}
	if o.records == 0 {
		o.records = target.Records
	}
	switch {
	case o.rate < 1 || o.rate > 1e6:
		return o, fmt.Errorf("%w: -rate must be between 1 and 1,000,000", errUsage)
	case o.duration < time.Second || o.duration > 24*time.Hour:
		return o, fmt.Errorf("%w: -duration must be between 1s and 24h", errUsage)
	case o.warmUp > time.Hour:
		return o, fmt.Errorf("%w: -warmup must be at most 1h", errUsage)
	case o.records < 1 || o.records > 2_000_000:
		return o, fmt.Errorf("%w: -records must be between 1 and 2,000,000", errUsage)
	}
	return o, nil
}

func running() string {
	var slugs []string
	for _, s := range scenarios.All() {
		if s.Runs() {
			slugs = append(slugs, s.Slug)
		}
	}
	return strings.Join(slugs, ", ")
}

// forDrill gives a drill the time that it needs, unless the caller said how long,
// and the rate that goes with what is admitted.
func (o options) forDrill(d scenarios.Drill) options {
	o.drill = d.Name
	if !o.timed {
		o.duration = trial.DrillTime(d)
	}
	if d.Admits > 0 {
		o.rate, _ = drills.OverloadRate(d)
	}
	return o
}

// runDrills runs the drills that are named, each on a fresh stack, and returns the
// worst verdict.
func runDrills(ctx context.Context, o options, out io.Writer) (judge.Verdict, error) {
	names := strings.Split(o.drill, ",")
	for _, name := range names {
		if name != "all" && !slices.ContainsFunc(o.scenario.Drills, func(d scenarios.Drill) bool { return d.Name == name }) {
			return judge.Fail, fmt.Errorf("%w: %s has no drill %q", errUsage, o.scenario.Slug, name)
		}
	}
	worst := judge.Pass
	for _, d := range o.scenario.Drills {
		if !slices.Contains(names, "all") && !slices.Contains(names, d.Name) {
			continue
		}
		each := o.forDrill(d)
		fmt.Fprintf(out, "\n== drill %s: %s\n", d.Name, d.Shows)
		verdict, err := once(ctx, each, out)
		if err != nil {
			return judge.Fail, fmt.Errorf("drill %s: %w", d.Name, err)
		}
		if verdict == judge.Fail || worst == judge.Pass {
			worst = verdict
		}
	}
	return worst, nil
}
