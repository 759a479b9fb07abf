//go:build unix

package ordernotify

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/faults/detour"
	"github.com/provingground/provingground/loadtest/faults/proxy"
	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// TestKillMatrix kills each role at its operations on the wire, once before the
// server sees them and once after it has executed them, with one order under
// way, and starts it again. Which operations there are is recorded in a clean
// run. With MATRIX=full it takes every one, else those that have an effect.
func TestKillMatrix(t *testing.T) {
	cloud, err := server.Open(t.Context(), server.Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	sc, _ := scenarios.Find("ordernotify")
	set, err := cloud.Start(t.Context(), sc.Needs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	})
	var table strings.Builder
	fmt.Fprintf(&table, "%-10s %-62s %-16s %s\n", "killed", "at", "before", "after")
	for _, role := range []string{"api", "relay", "inventory", "email"} {
		t.Run(role, func(t *testing.T) {
			m := newMatrix(t, cloud, set, sc, role)
			for _, step := range m.steps(t) {
				before, after := m.cell(t, step, proxy.Before), m.cell(t, step, proxy.After)
				fmt.Fprintf(&table, "%-10s %-62.62s %-16s %s\n", role, step, before, after)
			}
		})
	}
	t.Logf("lost and doubled effects of one order, by where a process was killed:\n%s", table.String())
}

// matrix is the scenario with one process of each role, of which one is led
// through fault proxies.
type matrix struct {
	role   string
	detour *detour.Detour
	victim *stack.Instance
	driver *Driver
	next   int64 // order
}

func newMatrix(t *testing.T, cloud *server.Cloud, set *server.Set, sc scenarios.Scenario, role string) *matrix {
	t.Helper()
	d, err := detour.Start(t.Context(), set, set.Names()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	env := map[string]string{"VISIBILITY": "2s", "SEND_LEASE": "1s", "SES_EVENT_WAIT": "2s", "LOOK_EVERY": "100ms", "DRAIN_DELAY": "0s"}
	others, victim := sc, sc
	others.Roles, victim.Roles, victim.Template = nil, nil, ""
	for _, r := range sc.Roles {
		r.Count = 1
		if r.Name == role {
			victim.Roles = append(victim.Roles, r)
		} else {
			others.Roles = append(others.Roles, r)
		}
	}
	begin := func(sc scenarios.Scenario, more map[string]string) *stack.Stack {
		all := map[string]string{}
		for _, e := range []map[string]string{env, more} {
			for k, v := range e {
				all[k] = v
			}
		}
		s, err := stack.Start(t.Context(), stack.Options{Scenario: sc, Cloud: cloud, Servers: set, Env: all, Out: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	one := begin(others, nil)
	other := begin(victim, d.Env())
	both := &stack.Stack{Env: one.Env, Servers: set, Instances: slices.Concat(one.Instances, other.Instances)}
	for k, v := range other.Env {
		if both.Env[k] == "" {
			both.Env[k] = v
		}
	}
	driver, err := New(trial.NewSetup(sc, both, 1, 1, 0, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, product := range []string{driver.productName("plenty", 0), driver.productName("scarce", 0)} {
		if err := driver.setStock(t.Context(), product, plentyStock); err != nil {
			t.Fatal(err)
		}
	}
	return &matrix{role: role, detour: d, victim: other.Instances[0], driver: driver, next: 1}
}

// steps records a clean run.
func (m *matrix) steps(t *testing.T) []detour.Step {
	t.Helper()
	m.detour.Clear()
	if got := m.settle(t, m.place(t)); got != (verdict{}) {
		t.Fatalf("a clean run: %s", got)
	}
	steps := m.detour.Steps(1)
	if os.Getenv("MATRIX") != "full" {
		steps = slices.DeleteFunc(steps, func(s detour.Step) bool { return !hasEffect(s.Operation) })
	}
	if len(steps) == 0 {
		t.Fatal("a clean run has no operation with an effect")
	}
	return steps
}

// hasEffect takes those operations after which something is there that was not.
func hasEffect(operation string) bool {
	for _, verb := range []string{"COMMIT", "PublishBatch", "SendEmail", "UPDATE mails", "DeleteMessageBatch"} {
		if strings.HasPrefix(strings.ToLower(operation), strings.ToLower(verb)) {
			return true
		}
	}
	return false
}

// verdict counts the effects of one order that are missing or too many.
type verdict struct{ lost, doubled int }

func (v verdict) String() string { return fmt.Sprintf("%d lost %d doubled", v.lost, v.doubled) }

// cell kills the victim at a step, starts it again and looks what became of the order.
func (m *matrix) cell(t *testing.T, step detour.Step, when proxy.When) verdict {
	t.Helper()
	row, err := m.detour.KillAt(step, when, m.victim.Kill)
	if err != nil {
		t.Fatal(err)
	}
	defer row.Remove()
	answered := m.place(t)
	select {
	case <-row.Done():
	case <-time.After(20 * time.Second):
		t.Fatalf("%s %s: it was never reached", when, step)
	}
	if row.Err() != nil {
		t.Fatal(row.Err())
	}
	if err := m.victim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := m.settle(t, answered)
	// SES accepted the mail and our row does not say so: the one place for a second one.
	double := m.role == "email" && (strings.HasPrefix(step.Operation, "SendEmail") && when == proxy.After ||
		strings.HasPrefix(step.Operation, "UPDATE mails") && when == proxy.Before)
	if got.lost > 0 || got.doubled > 0 && !double {
		t.Errorf("%s killed %s %s: %s", m.role, when, step, got)
	}
	return got
}

// place places one order, which is repeated with its key until it is acknowledged.
func (m *matrix) place(t *testing.T) (answered chan engine.Outcome) {
	answered = make(chan engine.Outcome, 1)
	k := m.next
	m.next++
	go func() {
		w := m.driver.newWriter()
		defer w.Close()
		answered <- w.insist(t.Context(), k)
	}()
	return answered
}

// insist repeats also what was refused: there is no other process to take it.
func (w *writer) insist(ctx context.Context, k int64) engine.Outcome {
	for {
		o := w.Send(ctx, k)
		if o.Kind == engine.OK || !sleep(ctx, orderPause) {
			return o
		}
	}
}

// settle waits until the order has what it must have, and a little for more.
func (m *matrix) settle(t *testing.T, answered chan engine.Outcome) verdict {
	t.Helper()
	if o := <-answered; o.Kind != engine.OK {
		t.Fatalf("the order ended with %v", o)
	}
	customer := m.driver.order(m.next - 1).customer
	var got verdict
	for deadline := time.Now().Add(20 * time.Second); ; {
		got = m.look(t, customer)
		if got.lost == 0 || time.Now().After(deadline) {
			return got
		}
		if !sleep(t.Context(), 50*time.Millisecond) {
			t.Fatal(t.Context().Err())
		}
	}
}

// look compares with one order, one decision, one decrement and two mails.
func (m *matrix) look(t *testing.T, customer string) (v verdict) {
	t.Helper()
	d := m.driver
	var err error
	if d.effects, err = d.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.effects.mails, err = d.mailbox(t.Context(), d.setup.Env()["AWS_ENDPOINT_URL_SES"]); err != nil {
		t.Fatal(err)
	}
	count := func(n, want int) {
		v.lost += max(0, want-n)
		v.doubled += max(0, n-want)
	}
	count(d.effects.orders[customer], 1)
	p := d.byCustomer()[customer]
	decided := 0
	if _, ok := d.effects.decided[p.id]; ok {
		decided = 1
	}
	count(decided, 1)
	mails := map[string]int{}
	for _, mail := range d.effects.mails[customer] {
		mails[mail.kind]++
	}
	count(mails["received"], 1)
	count(mails["confirmed"], 1)
	count(d.effects.recorded[p.id], 2)
	left := 0
	for product, n := range d.effects.taken {
		left += plentyStock - n - d.effects.stock[product] // 0 when each was taken once
	}
	if left != 0 {
		v.doubled++
	}
	return v
}
