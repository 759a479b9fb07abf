package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/machine"
)

// edgeUsers ask one Worker at once.
const edgeUsers = 16

// The languages of the two Workers, in the order of the table.
const (
	inGo = iota
	inJavaScript
)

// task is one thing that both Workers are asked for.
type task struct {
	name string
	aim  float64 // Go's share of JavaScript's requests; 0: none
	half bool    // measured at half of its own maximum, too
	ask  func(w *worker, user int) engine.Sender
}

// subject is what is there in both languages.
type subject struct {
	slug  string // of the scenario
	with  string // in the workerd
	tasks []task
	fill  func(ctx context.Context, p *pair) error // before workerd runs; may be nil
	set   func(ctx context.Context, p *pair) error // when it runs; may be nil

	object string // path of an object, to which its number is added; may be empty
	crowd  bool   // there are rooms and counters
}

func get(target, more string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: edge\r\n%s\r\n", target, more)
}

// edgeAPI is the JSON API on D1.
func edgeAPI() subject {
	return subject{slug: "edgeapi", with: "both Workers and D1", tasks: apiTasks(), fill: fillItems, set: writeSettings}
}

func apiTasks() []task {
	fixed := func(request func(w *worker, user int) []byte) func(*worker, int) engine.Sender {
		return func(w *worker, user int) engine.Sender { return &asker{worker: w, request: request(w, user)} }
	}
	return []task{
		{name: "empty answer", aim: 0.5, ask: fixed(func(*worker, int) []byte { return get("/healthz", "") })},
		{name: "KV read, cached", aim: 0.7, ask: fixed(func(*worker, int) []byte { return get("/api/settings", "") })},
		{name: "item, cached", half: true, ask: fixed(func(w *worker, user int) []byte { return get("/api/items/"+w.items[user], "") })},
		{name: "item, D1 read", aim: 0.8, half: true, ask: fixed(func(w *worker, user int) []byte {
			return get("/api/items/"+w.items[user], "Cache-Control: no-cache\r\n")
		})},
		{name: "item, D1 write", aim: 0.8, half: true, ask: func(w *worker, user int) engine.Sender { return &changer{worker: w, id: w.items[user]} }},
	}
}

// edge prints what Go costs in a Worker, beside JavaScript in the same workerd.
func edge(ctx context.Context, o options, out, say io.Writer) error {
	cloud, err := server.Open(ctx, server.Options{Provider: server.Native, Out: say})
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	for _, s := range []subject{edgeAPI(), room()} {
		if err := o.measurePair(ctx, cloud, s, out, say); err != nil {
			return fmt.Errorf("%s: %w", s.slug, err)
		}
	}
	return nil
}

func (o options) measurePair(ctx context.Context, cloud *server.Cloud, s subject, out, say io.Writer) error {
	p, err := startPair(ctx, cloud, s, say)
	if err != nil {
		return err
	}
	all := []machine.Process{self(), p.process()}
	m, err := p.measureAll(ctx, o, all, say)
	if err = errors.Join(err, p.close()); err != nil {
		return err
	}
	return p.print(out, m)
}

// measured is what there is to print about a pair, each a table.
type measured struct{ most, half, crowd []row }

func (p *pair) measureAll(ctx context.Context, o options, all []machine.Process, say io.Writer) (m measured, err error) {
	if m.most, err = p.measureWarm(ctx, o, all, say); err != nil {
		return m, err
	}
	if m.half, err = p.measureHalf(ctx, o, m.most, all, say); err != nil {
		return m, err
	}
	if p.crowd {
		if m.crowd, err = p.measureCrowd(ctx, o, all, say); err != nil {
			return m, err
		}
	}
	return m, p.measureStarts(ctx, o.rounds, say)
}

// measureWarm goes through all paths once before it measures: V8 compiles what is hot
// beside the requests, which takes it seconds for the megabytes that Go brings.
func (p *pair) measureWarm(ctx context.Context, o options, all []machine.Process, say io.Writer) ([]row, error) {
	fmt.Fprintln(say, "warming up: one round that does not count …")
	if _, err := measure(ctx, 1, p.cases(o.row), all, io.Discard); err != nil {
		return nil, err
	}
	return measure(ctx, o.rounds, p.cases(o.row), all, say)
}

// cases are each path in Go and then in JavaScript, next to each other in time.
func (p *pair) cases(row time.Duration) []pairing {
	var all []pairing
	for _, task := range p.tasks {
		for _, w := range p.workers {
			flow := engine.Flow{
				Name: task.name, Closed: &engine.ClosedLoop{Users: edgeUsers, Duration: row},
				New: func(user int) (engine.Sender, error) { return task.ask(w, user), nil },
			}
			all = append(all, pairing{name: task.name + ", " + w.language, server: []machine.Process{p.process()}, load: atRate(flow)})
		}
	}
	return all
}

// measureHalf sends each Worker half of what it answered at most, evenly.
func (p *pair) measureHalf(ctx context.Context, o options, most []row, all []machine.Process, say io.Writer) ([]row, error) {
	var cases []pairing
	for i, task := range p.tasks {
		if !task.half {
			continue
		}
		for j, w := range p.workers {
			flow := engine.Flow{
				Name: task.name, Workers: edgeUsers, WarmUp: warmUp,
				Schedule: engine.Constant{Rate: most[2*i+j].median(sample.rate) / 2, Duration: warmUp + o.row},
				New:      func(user int) (engine.Sender, error) { return task.ask(w, user), nil },
			}
			cases = append(cases, pairing{name: task.name + ", " + w.language, server: []machine.Process{p.process()}, load: atRate(flow)})
		}
	}
	return measure(ctx, o.rounds, cases, all, say)
}

// ratios compares the rows of each path, Go's first.
func ratios(tasks []task, rows []row) []string {
	var lines []string
	for i, task := range tasks {
		ours, theirs := rows[2*i+inGo], rows[2*i+inJavaScript]
		rate := ours.median(sample.rate) / max(theirs.median(sample.rate), 1e-9)
		cpu := ours.median(func(s sample) float64 { return s.each(s.server) }) / max(theirs.median(func(s sample) float64 { return s.each(s.server) }), 1e-9)
		line := fmt.Sprintf("%-16s  Go serves %.2f × of JavaScript's requests, and takes %.2f × of its processor time", task.name, rate, cpu)
		if task.aim > 0 {
			line += fmt.Sprintf(" (aim: at least %.1f ×)", task.aim)
		}
		lines = append(lines, line)
	}
	return lines
}

func (p *pair) print(out io.Writer, m measured) error {
	fmt.Fprintf(out, "%s · %d cores · %d users, one workerd with %s · median of the rounds\n\n", time.Now().Format(time.DateOnly), machine.Describe().Cores, edgeUsers, p.with)
	if err := writeTable(out, "path, Worker in", append(common(), failures()), m.most); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, line := range ratios(p.tasks, m.most) {
		fmt.Fprintln(out, line)
	}
	if len(m.half) > 0 {
		fmt.Fprintln(out)
		if err := writeTable(out, "at half of its maximum", append(common(), failures()), m.half); err != nil {
			return err
		}
	}
	if len(m.crowd) > 0 {
		if err := writeCrowd(out, m.crowd); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	for _, w := range p.workers {
		fmt.Fprintf(out, "%-10s  %s of modules, %s compressed; from the start of the process to the first answer %d ms (median of %d); then %s resident%s\n",
			w.language, kilobytes(w.raw), kilobytes(w.zipped), w.started().Milliseconds(), len(w.starts), megabytes(w.alone), w.crowded())
	}
	fmt.Fprintf(out, "others took at most %.1f %% of the cores\n\n", 100*others(slices.Concat(m.most, m.half, m.crowd)))
	return nil
}

func kilobytes(n int64) string { return fmt.Sprintf("%.0f kB", float64(n)/1000) }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// crowded says what the process takes with objects, where there are any.
func (w *worker) crowded() string {
	if w.crowd == 0 {
		return ""
	}
	return fmt.Sprintf(", %s with %d objects", megabytes(w.crowd), objects)
}
