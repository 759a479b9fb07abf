package proxy

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"time"
)

// A Fault is an effect on the operations that it takes.
type Fault struct {
	// Name is for records; default: the effect's.
	Name string
	On   Match
	Effect
}

// A Match selects operations. The zero value takes every one.
type Match struct {
	// Operation is a pattern as path.Match knows it ("PutItem links", "* links",
	// "SET *"). A pattern without a space is compared with the first word alone,
	// so "PutItem" takes "PutItem links", too. Empty takes every operation.
	Operation string
	// Nth takes only the nth of those, counted from 1; 0 takes all. A client that
	// tries again is another one.
	Nth int
	// Probability takes each of those by chance, drawn from Seed; 0 takes all.
	Probability float64
	Seed        uint64
	// Times ends the fault after so many operations; 0 is no limit.
	Times int
	// Until ends the fault; the zero time is no limit.
	Until time.Time
}

func (m Match) validate() error {
	if _, err := path.Match(m.Operation, ""); err != nil {
		return fmt.Errorf("pattern %q: %w", m.Operation, err)
	}
	if m.Nth < 0 || m.Times < 0 || m.Probability < 0 || m.Probability > 1 {
		return fmt.Errorf("match %+v: nth and times are not negative, a probability is from 0 to 1", m)
	}
	return nil
}

func (m Match) names(operation string) bool {
	if m.Operation == "" {
		return true
	}
	if !strings.Contains(m.Operation, " ") {
		operation, _, _ = strings.Cut(operation, " ")
	}
	ok, _ := path.Match(m.Operation, operation) // the pattern was validated
	return ok
}

// Injected is a fault that is switched on.
type Injected struct {
	fault  Fault
	remove func(*Injected)
	draw   *rand.Rand
	done   chan struct{}

	mu      sync.Mutex
	seen    int // operations that the pattern took
	hits    int
	skipped int
	ended   bool
	err     error
}

func newInjected(f Fault, remove func(*Injected)) *Injected {
	return &Injected{fault: f, remove: remove, draw: rand.New(rand.NewPCG(f.On.Seed, 0)), done: make(chan struct{})}
}

func (in *Injected) name() string {
	if in.fault.Name != "" {
		return in.fault.Name
	}
	return in.fault.Effect.name
}

// Remove switches the fault off. Operations that it took stay taken.
func (in *Injected) Remove() { in.remove(in) }

// Hits returns how many operations the fault took.
func (in *Injected) Hits() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.hits
}

// Skipped returns how many of them went on unharmed: too large to be changed or
// sent twice, or not of the kind that the fault changes.
func (in *Injected) Skipped() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.skipped
}

// Done is closed when a Kill was carried out. It stays open if the request or the
// answer broke off before that moment.
func (in *Injected) Done() <-chan struct{} { return in.done }

// Err returns the error of a Kill that was carried out.
func (in *Injected) Err() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

func (in *Injected) skip() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.skipped++
}

func (in *Injected) finish(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended {
		return
	}
	in.ended, in.err = true, err
	close(in.done)
}

// over reports whether the fault can take nothing any more.
func (in *Injected) over(now time.Time) bool {
	m := in.fault.On
	return m.Times > 0 && in.hits >= m.Times || m.Nth > 0 && in.seen >= m.Nth || !m.Until.IsZero() && now.After(m.Until)
}

// may reports whether the fault could take the operation.
func (in *Injected) may(operation string, now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return !in.over(now) && in.fault.On.names(operation)
}

// take decides, and counts.
func (in *Injected) take(operation string, now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	m := in.fault.On
	if in.over(now) || !m.names(operation) {
		return false
	}
	in.seen++
	if m.Nth > 0 && in.seen != m.Nth {
		return false
	}
	if m.Probability > 0 && in.draw.Float64() >= m.Probability {
		return false
	}
	in.hits++
	return true
}
