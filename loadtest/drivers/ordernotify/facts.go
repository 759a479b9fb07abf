package ordernotify

import (
	"fmt"
	"time"

	"github.com/provingground/provingground/loadtest/report"
	"github.com/provingground/provingground/loadtest/trial"
)

// Facts says how fast the effects followed, and what the emulator can do alone.
func (d *Driver) Facts(before, after trial.Metrics, seconds float64) []report.Fact {
	since := func(name string) float64 { return after[name] - before[name] }
	ms := func(t time.Duration) string { return t.Round(time.Millisecond).String() }
	facts := []report.Fact{{
		Name: "emulator's ceiling", Value: fmt.Sprintf("%.0f mails/s", d.raw.mails),
		Note: fmt.Sprintf("alone on the machine, one call each, before the load; this load sent %.0f/s", since(mailsTotal("sent"))/seconds),
	}, {
		Name: "and of its topic and queue", Value: fmt.Sprintf("%.0f events/s", d.raw.events),
		Note: "the same, published, received and deleted in batches of 10; an order takes two events, the first for two queues",
	}, {
		Name: "SES's own events", Value: fmt.Sprintf("%.0f", after[mailsTotal("event")]), Note: "by a stand-in that looks into the emulator's mailbox",
	}}
	if d.effects == nil {
		return facts
	}
	l := d.lags(d.setup.WarmUp, forever)
	return append(facts,
		report.Fact{Name: "stock decided", Value: ms(quantile(l.decision, 0.5)) + " / " + ms(quantile(l.decision, 0.99)), Note: "after the acknowledgement, p50 / p99"},
		report.Fact{Name: "first mail accepted", Value: ms(quantile(l.mail, 0.5)) + " / " + ms(quantile(l.mail, 0.99)), Note: "after the acknowledgement, p50 / p99"},
		report.Fact{Name: "mails taken over", Value: fmt.Sprint(d.effects.takeovers()), Note: "attempts with an unknown end: each may have been a mail"},
	)
}

func mailsTotal(result string) string {
	return fmt.Sprintf("ordernotify_mails_total{result=%q}", result)
}
