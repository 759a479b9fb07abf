package report_test

import (
	"bytes"
	"testing"

	"github.com/provingground/provingground/loadtest/report"
)

func TestPercentilesAreWrittenAsHdrHistogramDoes(t *testing.T) {
	p := report.Percentiles{
		Count: 1000, Mean: 1.25, StdDev: 0.5, Max: 12.5,
		Curve: []report.Point{{Quantile: 0, Value: 0.1}, {Quantile: 0.5, Value: 1}, {Quantile: 0.999, Value: 9.75}, {Quantile: 1, Value: 12.5}},
	}
	var out bytes.Buffer
	if err := p.WriteHGRM(&out); err != nil {
		t.Fatal(err)
	}
	const want = `       Value     Percentile TotalCount 1/(1-Percentile)

       0.100 0.000000000000          0           1.00
       1.000 0.500000000000        500           2.00
       9.750 0.999000000000        999        1000.00
      12.500 1.000000000000       1000
#[Mean    =        1.250, StdDeviation   =        0.500]
#[Max     =       12.500, Total count    =         1000]
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
