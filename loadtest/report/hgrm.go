package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteHGRM writes the percentile curve in milliseconds, in the format of
// HdrHistogram's percentile output, which its plotter and others read.
func (p Percentiles) WriteHGRM(w io.Writer) error {
	var out strings.Builder
	out.WriteString("       Value     Percentile TotalCount 1/(1-Percentile)\n\n")
	for _, point := range p.Curve {
		count := int64(math.Ceil(point.Quantile * float64(p.Count)))
		fmt.Fprintf(&out, "%12.3f %2.12f %10d", float64(point.Value), point.Quantile, count)
		if point.Quantile < 1 {
			fmt.Fprintf(&out, " %14.2f", 1/(1-point.Quantile))
		}
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", float64(p.Mean), float64(p.StdDev))
	fmt.Fprintf(&out, "#[Max     = %12.3f, Total count    = %12d]\n", float64(p.Max), p.Count)
	_, err := io.WriteString(w, out.String())
	return err
}
