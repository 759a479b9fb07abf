package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// golden compares with a file below testdata; UPDATE=1 writes it, and the diff is
// the review.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; the first other line is %.200q; UPDATE=1 writes it", file, firstOther(got, want))
	}
}

// firstOther returns the first line of got that is not the one of want.
func firstOther(got, want []byte) []byte {
	lines := bytes.Split(want, []byte{'\n'})
	for i, line := range bytes.Split(got, []byte{'\n'}) {
		if i >= len(lines) || !bytes.Equal(line, lines[i]) {
			return line
		}
	}
	return nil
}

func TestTheTerminalReportReadsAsItsGoldenFile(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteTerminal(&out, false); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", out.Bytes())
}

func TestThePageIsItsGoldenFile(t *testing.T) {
	var out bytes.Buffer
	if err := sample().WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.html", out.Bytes())
}

func TestTheJSONKeepsItsNames(t *testing.T) {
	r := sample()
	for i := range r.Flows {
		r.Flows[i].Series = r.Flows[i].Series[29:31]
		f := &r.Flows[i]
		f.LatencyOK.Curve, f.LatencyAll.Curve = f.LatencyOK.Curve[:2], nil
		f.Service.Curve, f.Lag.Curve = nil, nil
	}
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", out.Bytes())
}
