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
	elapsed          time.Duration
	client, server   time.Duration // processor time
	p50, p99         time.Duration // 0: not measured
	others           float64       // share of all cores that others used
}

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

// cells are the row's values, each the median over the rounds by itself; only
// failures are added up.
func (r row) cells() []string {
	return []string{
		strconv.FormatFloat(r.median(sample.rate), 'f', 0, 64),
		strconv.FormatFloat(r.median(func(s sample) float64 { return s.each(s.client) }), 'f', 1, 64),
		strconv.FormatFloat(r.median(func(s sample) float64 { return s.each(s.server) }), 'f', 1, 64),
		millis(r.median(func(s sample) float64 { return float64(s.p50) })),
		millis(r.median(func(s sample) float64 { return float64(s.p99) })),
		strconv.FormatInt(r.failed(), 10),
	}
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
func writeTable(w io.Writer, rows []row) error {
	const heading = "client → server"
	width := utf8.RuneCountInString(heading)
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.name))
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, gap, ' ', tabwriter.AlignRight)
	line := func(name string, cells ...string) {
		fmt.Fprintf(table, "%-*s\t%s\t\n", width, name, strings.Join(cells, "\t"))
	}
	line(heading, "requests/s", "client µs", "server µs", "p50", "p99", "failed")
	for _, r := range rows {
		line(r.name, r.cells()...)
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

// print writes the table with all that is needed to read it and to repeat it.
func (b *bench) print(w io.Writer, rows []row) error {
	host := machine.Describe()
	fmt.Fprintf(w, "%s · %d cores, %s · %s\n", time.Now().Format(time.DateOnly), host.Cores, host.CPU, host.OS)
	fmt.Fprintf(w, "%s, GOMAXPROCS=1 and GOGC=400 for loadtest · %s · %s\n", host.Go, b.nginx.version, b.wrk.version)
	fmt.Fprintf(w, "median of %d rounds in turn, %v each; other processes used at most %.1f %% of the cores\n\n",
		b.rounds, b.row, others(rows)*100)
	if err := writeTable(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
client µs, server µs: processor time per request, user and system, start and end of the load included.
server: the api processes (without Redis and the stand-in for DynamoDB), or nginx. api ×2: %d links,
Zipf-distributed, 1 in 100 requests for a name that does not exist.
p50, p99: from the time a request was due, after 1 s of warm-up. A client that sends all it can has no such time.
loadtest, all it can: a schedule of %d/s over at most %d connections that falls behind, counted until it ends.
nginx sends a page of HTML with its 302. Client and server share the cores: a maximum is that of the pair.

nginx: %s
%s
wrk:   %s %s
       %s %s
`, links, tooMuch, connections, b.nginx.command, indent(b.nginx.config),
		b.wrk.program, strings.Join(wrkArgs(b.row, b.nginx.url), " "),
		b.wrk.program, strings.Join(wrkArgs(b.row, b.service.hot), " "))
	return err
}

func indent(text string) string {
	return "       " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n       ")
}
