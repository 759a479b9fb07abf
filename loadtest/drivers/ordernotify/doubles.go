package ordernotify

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

// attempt is one attempt at a mail that another one took over: it may have been a
// mail, and the row says whose it was.
type attempt struct {
	sender  string // host/process id
	claimed time.Time
	lost    bool // by the sender's own account SES's answer did not come
}

// death is the SIGKILL of an email process.
type death struct {
	sender string // as its rows name it
	at     time.Time
}

const (
	// atOnce mails are under way in one email process: four workers of ten.
	atOnce = 40
	// The share of mails whose answer may be lost without a fault of ours: a service
	// that gives up too early would explain every second mail so.
	strayShare, strayShareInDrills = 0.001, 0.01
)

// judgeDoubles wants an explanation of each second mail: an answer of SES that was
// lost, or a process that was killed with the mail under way. Only an attempt that
// the email role has on record as taken over can have one.
func (d *Driver) judgeDoubles(o trial.Observed) judge.Check {
	var doubled, wrong []string
	reasons := map[string]int{}
	killed := map[string]int{} // second mails by killed process
	for mail, n := range d.effects.copies() {
		if n < 2 {
			continue
		}
		doubled = append(doubled, mail)
		explained, attempts := 0, d.effects.abandoned[mail]
		unnoted := d.dropped[mail] - lostAnswers(attempts)
		for _, a := range attempts {
			why := d.why(a, killed)
			if why == "" && unnoted > 0 {
				unnoted, why = unnoted-1, lostAnswer
			}
			if why != "" {
				explained++
				reasons[why]++
			}
		}
		if explained < n-1 {
			wrong = append(wrong, fmt.Sprintf("mail %s went out %d times, and neither a lost answer nor a killed process explains it (attempts taken over: %+v)", mail, n, attempts))
		}
	}
	for sender, n := range killed {
		if n > atOnce {
			wrong = append(wrong, fmt.Sprintf("process %s was killed and %d of its mails went out twice, at most %d were under way", sender, n, atOnce))
		}
	}
	if stray, most := d.stray(), d.strayMost(o.Drill); stray > most {
		wrong = append(wrong, fmt.Sprintf("the service has %d lost answers of SES on record that no fault took, at most %d are believed", stray, most))
	}
	slices.Sort(doubled)
	slices.Sort(wrong)
	if len(wrong) > 0 {
		return judge.Checkf("second mails", false, "%s", judge.Some(wrong))
	}
	list := ""
	if len(doubled) > 0 {
		list = fmt.Sprintf(" (%d after a lost answer, %d after a kill): %s", reasons[lostAnswer], reasons[killedSender], judge.Some(doubled))
	}
	return judge.Checkf("second mails", true, "%d of %d mails went out a second time, each explained%s", len(doubled), len(d.effects.copies()), list)
}

// copies counts the mails that SES accepted, by order and kind.
func (e *effects) copies() map[string]int {
	copies := map[string]int{}
	for _, mails := range e.mails {
		for _, m := range mails {
			copies[m.order+"/"+m.kind]++
		}
	}
	return copies
}

const (
	lostAnswer   = "lost answer"
	killedSender = "killed sender"
)

// why an attempt may have been a mail by what it left on record; empty: it left
// nothing. An answer that a fault took may be missing there, for its sender could
// not tell any more; it explains one attempt and no other.
func (d *Driver) why(a attempt, killed map[string]int) string {
	if a.lost {
		return lostAnswer
	}
	for _, k := range d.deaths {
		if a.sender == k.sender && a.claimed.Before(k.at) {
			killed[k.sender]++
			return killedSender
		}
	}
	return ""
}

// stray counts the lost answers that the service has on record and no fault of the
// drill took.
func (d *Driver) stray() (n int) {
	for mail, attempts := range d.effects.abandoned {
		n += max(0, lostAnswers(attempts)-d.dropped[mail])
	}
	return n
}

// lostAnswers counts the attempts whose senders noted that no answer came.
func lostAnswers(attempts []attempt) (n int) {
	for _, a := range attempts {
		if a.lost {
			n++
		}
	}
	return n
}

func (d *Driver) strayMost(drill bool) int {
	share := strayShare
	if drill {
		share = strayShareInDrills
	}
	return max(1, int(share*float64(len(d.effects.copies()))))
}

// takeovers counts the attempts that were taken over.
func (e *effects) takeovers() (n int) {
	for attempts := range maps.Values(e.abandoned) {
		n += len(attempts)
	}
	return n
}
