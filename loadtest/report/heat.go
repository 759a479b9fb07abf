package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/provingground/provingground/loadtest/engine"
)

const (
	heatColumns = 218 // of two pixels
	heatShades  = 9
)

// heatMap is what the template draws: all cells of a shade are one path.
type heatMap struct {
	chart
	Shades []shade
	Most   string // requests in a cell
}

type shade struct {
	Class string
	Path  string
	Label string // the counts it stands for
}

// heatChart draws how many successes took how long at which time, the shade by
// the logarithm of their number; nil where nothing succeeded or the report is
// from before there were buckets.
func heatChart(f Flow, marks []Mark) *heatMap {
	columns := heatOverTime(drawn(f.Series))
	first, last, most := extent(columns)
	if most == 0 {
		return nil
	}
	m := momentsOf(f).wide()
	y := axis{low: bucketStart(first), high: bucketEnd(last), from: plotBottom, to: plotTop, log: true}
	hm := &heatMap{chart: m.chart(f, marks, "Latency heat map"), Most: grouped(int64(most))}
	hm.Wide = true
	hm.Note, hm.YTicks, hm.Target = "of successes, from the due time", y.labelled(), target(f, y)
	hm.Shades = shades(columns, m.x, y, most)
	return hm
}

// heatColumn are the counts of some seconds.
type heatColumn struct {
	from, to float64 // seconds
	counts   [engine.HeatBuckets]float64
}

func heatOverTime(series []Second) []heatColumn {
	per := (len(series) + heatColumns - 1) / heatColumns
	var columns []heatColumn
	for i, s := range series {
		if i%per == 0 {
			columns = append(columns, heatColumn{from: float64(s.Second)})
		}
		c := &columns[len(columns)-1]
		c.to = float64(s.Second) + s.seconds()
		if s.Heat == nil {
			continue
		}
		for j, n := range s.Heat.Counts {
			if b := s.Heat.First + j; b >= 0 && b < len(c.counts) {
				c.counts[b] += float64(n)
			}
		}
	}
	return columns
}

// extent returns the first and the last bucket that hold something, and the most
// that one holds.
func extent(columns []heatColumn) (first, last int, most float64) {
	first = engine.HeatBuckets
	for _, c := range columns {
		for i, n := range c.counts {
			if n > 0 {
				first, last, most = min(first, i), max(last, i), max(most, n)
			}
		}
	}
	return first, last, most
}

func shades(columns []heatColumn, x, y axis, most float64) []shade {
	var paths [heatShades]strings.Builder
	for _, c := range columns {
		left, right := x.pos(c.from), x.pos(c.to)
		for i, n := range c.counts {
			if n > 0 {
				top, bottom := y.pos(bucketEnd(i)), y.pos(bucketStart(i))
				fmt.Fprintf(&paths[shadeOf(n, most)], "M%.1f %.1fH%.1fV%.1fH%.1fZ", left, top, right, bottom, left)
			}
		}
	}
	var out []shade
	for i := range paths {
		low, high := math.Ceil(shadeStart(i, most)), math.Ceil(shadeStart(i+1, most))-1
		if i == heatShades-1 {
			high = most
		}
		if high < low {
			continue // few counts have fewer shades
		}
		label := grouped(int64(low)) + "–" + grouped(int64(high))
		if low == high {
			label = grouped(int64(low))
		}
		out = append(out, shade{Class: fmt.Sprintf("h%d", i+1), Path: paths[i].String(), Label: label})
	}
	return out
}

// shadeOf returns a shade from 0, by the logarithm of n.
func shadeOf(n, most float64) int {
	if most <= 1 {
		return heatShades - 1
	}
	return min(int(heatShades*math.Log(n)/math.Log(most)+1e-9), heatShades-1)
}

// shadeStart is the least count of a shade.
func shadeStart(i int, most float64) float64 {
	return math.Pow(most, float64(i)/heatShades)
}

func bucketEnd(i int) float64 { return float64(engine.HeatBound(i).Nanoseconds()) / 1e6 }

// bucketStart gives the first bucket, which starts at 0, the width of the others.
func bucketStart(i int) float64 {
	if i == 0 {
		return bucketEnd(0) * bucketEnd(0) / bucketEnd(1)
	}
	return bucketEnd(i - 1)
}
