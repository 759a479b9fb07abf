package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/provingground/provingground/loadtest/machine"
)

// sample is one measurement of a pairing.
type sample struct {
	requests, failed int64
	intended         int64 // by our own schedule
	elapsed          time.Duration
	client, server   time.Duration // processor time
	latency          quantiles     // 0: not measured
	lag50, lag99     time.Duration // of sending
	others           float64       // share of all cores that others used
	deliveries       int64         // of messages in a crowd
	heard            quantiles     // from saying one to hearing it
}

type quantiles struct{ p50, p90, p99, max time.Duration }

func (s sample) rate() float64 { return float64(s.requests) / max(s.elapsed.Seconds(), 1e-9) }

// each returns microseconds of processor time for one request.
func (s sample) each(cpu time.Duration) float64 {
	return float64(cpu) / float64(time.Microsecond) / float64(max(s.requests, 1))
}

// row is one line of the table.
type row struct {
	name    string
	samples []sample
}

// median returns the middle one, of an even number the mean of the middle two.
func (r row) median(of func(sample) float64) float64 {
	var values []float64
	for _, s := range r.samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}

func (r row) failed() (sum int64) {
	for _, s := range r.samples {
		sum += s.failed
	}
	return sum
}

// A column is a heading and what it says about a row.
type column struct {
	head string
	cell func(row) string
}

// common are the columns of every table: each value is the median over the rounds
// by itself; only failures are added up.
func common() []column {
	return []column{
		{"requests/s", func(r row) string { return strconv.FormatFloat(r.median(sample.rate), 'f', 0, 64) }},
		{"client µs", func(r row) string {
			return strconv.FormatFloat(r.median(func(s sample) float64 { return s.each(s.client) }), 'f', 1, 64)
		}},
		{"server µs", func(r row) string {
			return strconv.FormatFloat(r.median(func(s sample) float64 { return s.each(s.server) }), 'f', 1, 64)
		}},
		timed("p50", func(s sample) time.Duration { return s.latency.p50 }),
		timed("p99", func(s sample) time.Duration { return s.latency.p99 }),
	}
}

func failures() column {
	return column{"failed", func(r row) string { return strconv.FormatInt(r.failed(), 10) }}
}

func timed(head string, of func(sample) time.Duration) column {
	return column{head, func(r row) string {
		return millis(r.median(func(s sample) float64 { return float64(of(s)) }))
	}}
}

func millis(nanoseconds float64) string {
	if nanoseconds == 0 {
		return "–"
	}
	return strconv.FormatFloat(nanoseconds/1e6, 'f', 2, 64) + " ms"
}

const gap = 2 // between columns; the writer puts it before the first, too

// writeTable aligns the numbers on the right and the names on the left, which is
// why those are padded by hand.
func writeTable(w io.Writer, heading string, columns []column, rows []row) error {
	width := utf8.RuneCountInString(heading)
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.name))
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, gap, ' ', tabwriter.AlignRight)
	line := func(name string, cell func(column) string) {
		fmt.Fprintf(table, "%-*s\t", width, name)
		for _, c := range columns {
			fmt.Fprintf(table, "%s\t", cell(c))
		}
		fmt.Fprintln(table)
	}
	line(heading, func(c column) string { return c.head })
	for _, r := range rows {
		line(r.name, func(c column) string { return c.cell(r) })
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for aligned := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(aligned[gap:], " \n")); err != nil {
			return err
		}
	}
	return nil
}

// others is the most that others used of the machine in any measurement.
func others(rows []row) (most float64) {
	for _, r := range rows {
		for _, s := range r.samples {
			most = max(most, s.others)
		}
	}
	return most
}

// printHost writes what was measured on, with what and how.
func (o options) printHost(w io.Writer, others float64, versions ...string) {
	host := machine.Describe()
	fmt.Fprintf(w, "%s · %d cores, %s · %s\n", time.Now().Format(time.DateOnly), host.Cores, host.CPU, host.OS)
	fmt.Fprintf(w, "%s, GOMAXPROCS=1 and GOGC=400 for loadtest · %s\n", host.Go, strings.Join(versions, " · "))
	fmt.Fprintf(w, "median of %d rounds in turn, %v each; other processes used at most %.1f %% of the cores\n\n",
		o.rounds, o.row, others*100)
}

// print writes the table with all that is needed to read it and to repeat it.
func (b *bench) print(w io.Writer, rows []row) error {
	b.printHost(w, others(rows), b.nginx.version, b.wrk.version)
	if err := writeTable(w, "client → server", append(common(), failures()), rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
client µs, server µs: processor time per request, user and system, start and end of the load included.
server: the api processes (without Redis and the stand-in for DynamoDB), or nginx. api ×2: %d links,
Zipf-distributed, 1 in 100 requests for a name that does not exist.
p50, p99: from the time a request was due, after 1 s of warm-up. A client that sends all it can has no such time.
all it can: a closed loop of %d connections, no pause between answer and next request.
nginx sends a page of HTML with its 302. Client and server share the cores: a maximum is that of the pair.

nginx: %s
%s
wrk:   %s %s
       %s %s
`, links, connections, b.nginx.command, indent(b.nginx.config),
		b.wrk.program, strings.Join(wrkArgs(b.row, b.nginx.url), " "),
		b.wrk.program, strings.Join(wrkArgs(b.row, b.service.hot), " "))
	return err
}

func indent(text string) string {
	return "       " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n       ")
}
