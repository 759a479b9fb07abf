package report

import "fmt"

// Verdict is what a run says.
type Verdict string

// The verdicts, of a run and of each of its checks.
const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Invalid Verdict = "invalid" // neither: the run cannot be judged
)

// ExitCode returns the code that a command ends with: 0, 1 or 3.
func (v Verdict) ExitCode() int {
	switch v {
	case Pass:
		return 0
	case Invalid:
		return 3
	}
	return 1
}

// A Check is one thing that was judged.
type Check struct {
	Name     string  `json:"name"`
	Result   Verdict `json:"result"`
	Sentence string  `json:"sentence"`
}

// Conclude sets Verdict and Reason from the checks. A failed one decides over an
// invalid one: what cannot be judged is for the checks to say, and a lost order
// stays lost on a busy machine. A run without checks is invalid, and so is one
// that was interrupted before anything failed.
func (r *Report) Conclude() {
	r.Verdict, r.Reason = conclusion(r.Checks)
	if r.Interrupted && r.Verdict == Pass {
		r.Verdict, r.Reason = Invalid, "interrupted after "+r.Elapsed.String()+"; until then "+r.Reason
	}
}

func conclusion(checks []Check) (Verdict, string) {
	if len(checks) == 0 {
		return Invalid, "nothing was checked"
	}
	for _, v := range []Verdict{Fail, Invalid} {
		if n, first := count(checks, v); n == 1 {
			return v, first
		} else if n > 1 {
			return v, fmt.Sprintf("%s (and %d more)", first, n-1)
		}
	}
	if len(checks) == 1 {
		return Pass, checks[0].Sentence
	}
	return Pass, fmt.Sprintf("all %d checks hold", len(checks))
}

// count returns how many checks have the result, and what the first one says. A
// result that is none of the three counts as failed.
func count(checks []Check, v Verdict) (n int, first string) {
	for _, c := range checks {
		if c.Result != v && (v != Fail || c.Result == Pass || c.Result == Invalid) {
			continue
		}
		if n == 0 {
			first = c.Sentence
		}
		n++
	}
	return n, first
}
