package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func rows() []row {
	return []row{
		{"loadtest → api", []sample{
			{requests: 10_000, elapsed: time.Second, client: 300 * time.Millisecond, server: 400 * time.Millisecond, latency: quantiles{p50: 200 * time.Microsecond, p99: time.Millisecond}},
			{requests: 20_000, elapsed: time.Second, client: 400 * time.Millisecond, server: 500 * time.Millisecond, latency: quantiles{p50: 300 * time.Microsecond, p99: 9 * time.Millisecond}},
			{requests: 10_000, elapsed: 2 * time.Second, client: 900 * time.Millisecond, server: 350 * time.Millisecond, latency: quantiles{p50: 400 * time.Microsecond, p99: 2 * time.Millisecond}, failed: 3, others: 0.25},
		}},
		{"wrk → nginx", []sample{
			{requests: 60_000, elapsed: time.Second, client: 900 * time.Millisecond, server: 960 * time.Millisecond, failed: 2, others: 0.1},
			{requests: 50_000, elapsed: time.Second, client: 900 * time.Millisecond, server: 960 * time.Millisecond, failed: 2},
		}},
	}
}

func TestTheTableShowsMediansPerRequest(t *testing.T) {
	var b strings.Builder
	if err := writeTable(&b, "client → server", append(common(), failures()), rows()); err != nil {
		t.Fatal(err)
	}
	const want = `
client → server  requests/s  client µs  server µs      p50      p99  failed
loadtest → api        10000       30.0       35.0  0.30 ms  2.00 ms       3
wrk → nginx           55000       16.5       17.6        –        –       4
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := others(rows()); got != 0.25 {
		t.Errorf("others used %v, want the most of any measurement, 0.25", got)
	}
}

func TestARowWithoutAnswersHasNumbersAllTheSame(t *testing.T) {
	var cells []string
	for _, c := range append(common(), failures()) {
		cells = append(cells, c.cell(row{"nobody", []sample{{}}}))
	}
	got := strings.Join(cells, " ")
	if want := "0 0.0 0.0 – – 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheTotalsOfWrkAreRead(t *testing.T) {
	const plain = `Running 5s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20ms  300.00us   9.00ms   90.00%
  301234 requests in 5.02s, 100.00MB read
`
	for name, tc := range map[string]struct {
		text string
		want sample
	}{
		"all well":   {plain, sample{requests: 301234, elapsed: 5020 * time.Millisecond}},
		"errors":     {plain + "  Socket errors: connect 1, read 2, write 3, timeout 4\n", sample{requests: 301234, elapsed: 5020 * time.Millisecond, failed: 10}},
		"refusals":   {plain + "  Non-2xx or 3xx responses: 77\nRequests/sec: 1.5\n", sample{requests: 301234, elapsed: 5020 * time.Millisecond, failed: 77}},
		"a minute":   {"  12 requests in 1.00m, 1KB read", sample{requests: 12, elapsed: time.Minute}},
		"less of it": {"  12 requests in 900.50ms, 1KB read", sample{requests: 12, elapsed: 900500 * time.Microsecond}},
	} {
		if got, err := parseWrk(tc.text); err != nil || got != tc.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
	for _, broken := range []string{"", "unable to connect", "x requests in 5s, "} {
		if got, err := parseWrk(broken); err == nil {
			t.Errorf("%q: got %+v, want an error", broken, got)
		}
	}
}

func TestTheConfigurationNamesOnlyModulesThatAreBuiltIn(t *testing.T) {
	got := nginxConfig("127.0.0.1:1", "configure arguments: --without-http_scgi_module")
	if strings.Contains(got, "scgi_temp_path") || !strings.Contains(got, "uwsgi_temp_path") {
		t.Errorf("got\n%s", got)
	}
}

func TestAMistakeInTheCallExitsWithTwo(t *testing.T) {
	for _, args := range [][]string{{"-seconds", "0"}, {"-seconds", "61"}, {"-rounds", "0"}, {"urlshortener"}, {"loadtest", "more"}, {"-no"}} {
		_, err := parse(args, io.Discard)
		if code := exitCode(err, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
	if code := exitCode(errors.New("broken"), io.Discard); code != 1 {
		t.Errorf("exit code %d of another error, want 1", code)
	}
	if o, err := parse(nil, io.Discard); err != nil || o != (options{row: 5 * time.Second, rounds: 3}) || exitCode(err, io.Discard) != 0 {
		t.Errorf("defaults are %+v, %v", o, err)
	}
}
