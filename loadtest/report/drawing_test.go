package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestDurationsAreWrittenWithAboutThreeDigits(t *testing.T) {
	for in, want := range map[Milliseconds]string{
		0: "0 ms", 0.123: "0.12 ms", 9.994: "9.99 ms", 10: "10 ms", 11.56: "11.6 ms", 212.4: "212 ms",
		1_259.3: "1,259 ms", 12_345: "12.3 s", 60_000: "60.0 s",
	} {
		if got := in.String(); got != want {
			t.Errorf("%v is written %q, want %q", float64(in), got, want)
		}
	}
	for in, want := range map[Seconds]string{0: "0 s", 70: "70 s", 70.13: "70.1 s", 3600: "3,600 s"} {
		if got := in.String(); got != want {
			t.Errorf("%v is written %q, want %q", float64(in), got, want)
		}
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for in, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := grouped(in); got != want {
			t.Errorf("grouped(%d) = %q, want %q", in, got, want)
		}
	}
}

func TestALogarithmicAxisHasItsDecades(t *testing.T) {
	a := times(0.3, 212, 100, 0)
	if a.low != 0.1 || a.high != 1000 {
		t.Errorf("axis from %v to %v, want 0.1 to 1000", a.low, a.high)
	}
	var labels []string
	for _, tick := range a.decades() {
		labels = append(labels, tick.Label)
	}
	if want := []string{"0.1 ms", "1 ms", "10 ms", "100 ms", "1 s"}; !slices.Equal(labels, want) {
		t.Errorf("labels are %q, want %q", labels, want)
	}
	for value, want := range map[float64]float64{0.1: 100, 1: 75, 1000: 0, 0: 100, 5000: 0} {
		if got := a.pos(value); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", value, got, want)
		}
	}
}

func TestALinearAxisHasRoundSteps(t *testing.T) {
	for high, want := range map[float64][]string{
		10_000: {"0", "5,000", "10k"}, 50: {"0", "20", "40", "60"}, 0: {"0", "1"}, 3: {"0", "1", "2", "3"},
	} {
		_, ticks := linear(high, 0, 100, 4, rateLabel)
		var labels []string
		for _, tick := range ticks {
			labels = append(labels, tick.Label)
		}
		if !slices.Equal(labels, want) {
			t.Errorf("up to %v the labels are %q, want %q", high, labels, want)
		}
	}
}

func TestALongRunIsMergedToFewColumns(t *testing.T) {
	f := Flow{Name: "long"}
	for i := range 10_000 {
		s := Second{Second: i, Intended: 10, OK: 10, P50: 1, P99: 2, Max: 3}
		if i == 5_000 {
			s.P99 = 99
		}
		f.Series = append(f.Series, s)
	}
	m := momentsOf(f)
	if len(m.ok) > maxColumns || len(m.ok) != len(m.p99) || m.width != 25 {
		t.Errorf("%d columns of %d s", len(m.ok), m.width)
	}
	if m.ok[0] != 10 || m.ok[len(m.ok)-1] != 10 || slices.Max(m.p99) != 99 {
		t.Errorf("ok %v, highest p99 %v, want the mean and the highest", m.ok[0], slices.Max(m.p99))
	}
}

func TestASecondWithoutASuccessIsAGap(t *testing.T) {
	m := momentsOf(Flow{Series: []Second{{P99: 1, Intended: 1}, {Intended: 1}, {P99: 2, Intended: 1}}})
	y := times(1, 10, 100, 0)
	got := m.line(m.p99, y, false)
	if n := strings.Count(got, "M"); n != 2 {
		t.Errorf("path %q has %d pieces, want 2", got, n)
	}
}

func TestTheEndOfARunIsNotDrawnAsACollapse(t *testing.T) {
	busy, rest, late := Second{Intended: 1000, OK: 1000}, Second{OK: 3}, Second{OK: 500}
	if got := drawn([]Second{busy, busy, rest}); len(got) != 2 {
		t.Errorf("%d seconds are drawn, want 2", len(got))
	}
	if got := drawn([]Second{busy, late}); len(got) != 2 {
		t.Errorf("%d seconds are drawn, want 2: half of a second's answers came late", len(got))
	}
}

func TestASparkShowsWhereItIsHigh(t *testing.T) {
	if got := spark([]float64{1, 10, 0, 100}); got != "▁▅ █" {
		t.Errorf("got %q", got)
	}
	if got := spark([]float64{0, 0}); got != "  " {
		t.Errorf("got %q", got)
	}
}

func TestACourseKeepsThePeaksOfALongRun(t *testing.T) {
	c := Contrast{Name: "connections", Course: &Course{After: []Sample{{At: 1, Value: 20}}}}
	for i := range 10_000 {
		c.Course.Before = append(c.Course.Before, Sample{At: Seconds(i) / 10, Value: 1})
	}
	c.Course.Before[5_001].Value = 45
	ch := courseChart(c)
	if len(ch.Lines) != 2 || ch.Lines[1].Label != "after" {
		t.Fatalf("lines are %+v, want before and after", ch.Lines)
	}
	if points := strings.Count(ch.Lines[0].Path, "L"); points > maxColumns || points < maxColumns/2 {
		t.Errorf("the line of 10,000 samples has %d points, want about %d", points, maxColumns)
	}
	y, _ := linear(45, plotBottom, plotTop, 4, rateLabel)
	if want := fmt.Sprintf(" %.1fL", y.pos(45)); !strings.Contains(ch.Lines[0].Path, want) {
		t.Errorf("the peak of 45 is not drawn: no %q in the line", want)
	}
}
