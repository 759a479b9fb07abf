package servicebusdlq

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/provingground/provingground/pkg/problem"
)

// desk is where people look at letters and decide on them.
type desk struct {
	vault   vault
	begun   chan<- struct{} // wakes the sender
	answers answers
}

const (
	deskTimeout = 10 * time.Second
	maxWhy      = 500
	maxList     = 1000
	plainList   = 100
)

func (d *desk) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/groups", d.groups)
	mux.HandleFunc("GET /api/letters", d.list)
	mux.HandleFunc("GET /api/letters/{id}", d.show)
	mux.HandleFunc("GET /api/letters/{id}/diff", d.diff)
	mux.HandleFunc("PUT /api/letters/{id}/repair", d.repair)
	mux.HandleFunc("GET /api/audit", d.audit)
	mux.HandleFunc("PUT /api/resubmissions/{name}", d.resubmit)
	mux.HandleFunc("GET /api/resubmissions/{name}", d.progress)
	mux.HandleFunc("POST /api/discards", d.discard)
	mux.Handle("/", nothing())
	return mux
}

func (d *desk) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s := Selection{Queue: q.Get("queue"), Reason: q.Get("reason"), Shape: q.Get("shape")}
	limit, err := strconv.Atoi(q.Get("limit"))
	if q.Get("limit") != "" && (err != nil || limit < 1 || limit > maxList) || q.Get("after") != "" && !hexadecimal(q.Get("after")) {
		d.answers.fail(w, "list", problem.Invalid(fmt.Sprintf("limit is 1 to %d, after a letter's id", maxList)))
		return
	}
	if limit == 0 {
		limit = plainList
	}
	all := []*Letter{}
	err = d.vault.each(r.Context(), q.Get("after"), func(l *Letter) bool {
		if s.matches(l) && (q.Get("state") == "" || q.Get("state") == string(l.State)) {
			all = append(all, l)
		}
		return len(all) < limit
	})
	d.answers.give(w, "list", http.StatusOK, map[string]any{"letters": all}, err)
}

// inspected is a letter as people read it.
type inspected struct {
	*Letter
	Text       string            `json:"text"` // the body; what is no text is quoted
	Properties map[string]string `json:"properties"`
	Changes    []Change          `json:"changes"` // of the repair
	Audit      []Line            `json:"audit"`
}

func (d *desk) show(w http.ResponseWriter, r *http.Request) {
	l, err := d.vault.find(r.Context(), r.PathValue("id"))
	if err != nil {
		d.answers.fail(w, "show", err)
		return
	}
	lines, err := d.vault.audit(r.Context(), l.ID)
	d.answers.give(w, "show", http.StatusOK, inspected{l, plain(l.body), l.properties, diff(l.body, l.content()), lines}, err)
}

// diff shows what a resubmission would send that did not die.
func (d *desk) diff(w http.ResponseWriter, r *http.Request) {
	l, err := d.vault.find(r.Context(), r.PathValue("id"))
	if err != nil {
		d.answers.fail(w, "diff", err)
		return
	}
	d.answers.give(w, "diff", http.StatusOK, map[string]any{"changes": diff(l.body, l.content())}, nil)
}

type repairBody struct {
	Data json.RawMessage `json:"data"` // sent instead
	Why  string          `json:"why"`
}

// repair sets what is sent instead of a body, and answers with the difference. Sent is
// it by a resubmission. It must be a payment: what cannot be booked is no repair.
func (d *desk) repair(w http.ResponseWriter, r *http.Request) {
	var body repairBody
	err := readBody(w, r, &body)
	if err == nil {
		err = checkWhy(body.Why)
	}
	var p payment
	if err == nil && p.read(body.Data) != nil {
		err = problem.Invalid("data must be a payment's: " + p.read(body.Data).Error())
	}
	if err != nil {
		d.answers.fail(w, "repair", err)
		return
	}
	l, err := d.repaired(r.Context(), r.PathValue("id"), body, who(r))
	if err != nil {
		d.answers.fail(w, "repair", err)
		return
	}
	d.answers.give(w, "repair", http.StatusOK, map[string]any{"changes": diff(l.body, l.content())}, nil)
}

func (d *desk) repaired(ctx context.Context, id string, body repairBody, who string) (*Letter, error) {
	l, err := d.vault.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if l.Repaired && bytes.Equal(l.repair, body.Data) {
		return l, nil // asked for again
	}
	if l.State != Open {
		return nil, errNotOpen
	}
	l.Repaired, l.repair = true, body.Data
	l.properties[propertySchema] = fmt.Sprint(schemaVersion)
	changes, err := json.Marshal(diff(l.body, l.repair))
	if err != nil {
		return nil, err
	}
	err = d.vault.update(ctx, l, Line{Who: who, Action: "repaired", Detail: fmt.Sprintf("%s: %.1000s", body.Why, changes)})
	if errors.Is(err, errStale) {
		return nil, errNotOpen
	}
	return l, err
}

func (d *desk) audit(w http.ResponseWriter, r *http.Request) {
	lines, err := d.vault.audit(r.Context(), r.URL.Query().Get("letter"))
	d.answers.give(w, "audit", http.StatusOK, map[string]any{"audit": lines}, err)
}

// resubmit answers 202: what became of it shows at its own address.
func (d *desk) resubmit(w http.ResponseWriter, r *http.Request) {
	var s Selection
	err := readBody(w, r, &s)
	if err == nil && !validAccount(r.PathValue("name")) {
		err = problem.Invalid(fmt.Sprintf("a name has 1 to %d characters of a-z, 0-9 and -", maxAccount))
	}
	if err != nil {
		d.answers.fail(w, "resubmit", err)
		return
	}
	done, err := d.begin(r.Context(), r.PathValue("name"), who(r), s)
	d.answers.give(w, "resubmit", http.StatusAccepted, done, err)
}

func (d *desk) begin(ctx context.Context, name, who string, s Selection) (Resubmission, error) {
	selection, err := json.Marshal(s)
	if err != nil {
		return Resubmission{}, err
	}
	ids, err := d.selected(ctx, s)
	if err != nil {
		return Resubmission{}, err
	}
	begun, err := d.vault.begin(ctx, Resubmission{Name: name, By: who, ids: ids, selection: digest(string(selection))})
	if err != nil {
		return begun, err
	}
	select {
	case d.begun <- struct{}{}:
	default: // it is awake
	}
	return d.counted(ctx, begun)
}

func (d *desk) progress(w http.ResponseWriter, r *http.Request) {
	var found Resubmission
	err := errNoLetter
	if validAccount(r.PathValue("name")) {
		found, err = d.vault.resubmission(r.Context(), r.PathValue("name"))
	}
	if err == nil {
		found, err = d.counted(r.Context(), found)
	}
	d.answers.give(w, "progress", http.StatusOK, found, err)
}

// counted says what became of its letters so far. Those it has not come to are none
// of the four while it runs, and skipped when it has stopped.
func (d *desk) counted(ctx context.Context, r Resubmission) (Resubmission, error) {
	for _, id := range r.ids {
		l, err := d.vault.find(ctx, id)
		if err != nil {
			return r, err
		}
		if e := r.ending(l); e != skipped || r.State != running {
			r.count(e)
		}
	}
	return r, nil
}

type discardBody struct {
	Selection
	Why string `json:"why"`
}

// discard is safe to repeat: what is discarded is not open any more.
func (d *desk) discard(w http.ResponseWriter, r *http.Request) {
	var body discardBody
	err := readBody(w, r, &body)
	if err == nil {
		err = checkWhy(body.Why)
	}
	if err != nil {
		d.answers.fail(w, "discard", err)
		return
	}
	n, err := d.discarded(r.Context(), body, who(r))
	d.answers.give(w, "discard", http.StatusOK, map[string]int{"discarded": n}, err)
}

func (d *desk) discarded(ctx context.Context, body discardBody, who string) (n int, err error) {
	ids, err := d.selected(ctx, body.Selection)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		l, err := d.vault.find(ctx, id)
		if err != nil {
			return n, err
		}
		if l.State != Open {
			continue
		}
		l.State = Discarded
		err = d.vault.update(ctx, l, Line{Who: who, Action: "discarded", Detail: body.Why})
		if err != nil && !errors.Is(err, errStale) {
			return n, err
		}
		if err == nil {
			n++
		}
	}
	return n, nil
}

func checkWhy(why string) error {
	if why == "" || len(why) > maxWhy {
		return problem.Invalid(fmt.Sprintf("why must say it in up to %d characters", maxWhy))
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	raw, err := problem.ReadJSON(w, r, MaxBody)
	if err != nil {
		return err
	}
	return problem.DecodeStrict(raw, into)
}

// who returns who says to be at the desk: one token is everybody's.
func who(r *http.Request) string {
	const longest = 64
	name := r.Header.Get("X-Operator")
	if name == "" || len(name) > longest {
		return "operator"
	}
	return name
}
