package pubsubdlq

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/deadletters"
	"github.com/provingground/provingground/pkg/problem"
)

// desk is where people look at dead letters and decide on them.
type desk struct {
	db      *pgxpool.Pool
	metrics *metrics
	log     *slog.Logger
}

const (
	maxDeskBody = 64 << 10
	maxWhy      = 500
)

func (d *desk) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/groups", d.groups)
	mux.HandleFunc("GET /api/letters", d.list)
	mux.HandleFunc("GET /api/letters/{id}", d.show)
	mux.HandleFunc("GET /api/audit", d.audit)
	mux.HandleFunc("PUT /api/redrives/{name}", d.redrive)
	mux.HandleFunc("GET /api/redrives/{name}", d.progress)
	mux.HandleFunc("POST /api/discards", d.discard)
	mux.Handle("/", nothing())
	return mux
}

func (d *desk) answer(w http.ResponseWriter, request string, status int, body any, err error) {
	if err != nil {
		answers{d.metrics, d.log}.fail(w, request, err)
		return
	}
	answers{d.metrics, d.log}.ok(w, request, status, body)
}

func (d *desk) groups(w http.ResponseWriter, r *http.Request) {
	all, err := letters().Groups(r.Context(), d.db)
	d.answer(w, "groups", http.StatusOK, map[string]any{"groups": all}, err)
}

func (d *desk) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil && q.Get("limit") != "" {
		d.answer(w, "list", 0, nil, problem.Invalid("limit must be a number"))
		return
	}
	all, err := letters().List(r.Context(), d.db, deadletters.Filter{
		Reason: q.Get("reason"), Shape: q.Get("shape"), Key: q.Get("key"), State: deadletters.State(q.Get("state")), After: q.Get("after"), Limit: limit,
	})
	d.answer(w, "list", http.StatusOK, map[string]any{"letters": all}, err)
}

// inspected is a letter with its body as people read it.
type inspected struct {
	deadletters.Letter
	Text  string             `json:"text,omitempty"` // the body, if it is text
	Audit []deadletters.Line `json:"audit"`
}

func (d *desk) show(w http.ResponseWriter, r *http.Request) {
	l, err := letters().Find(r.Context(), d.db, r.PathValue("id"))
	if err != nil {
		d.answer(w, "show", 0, nil, err)
		return
	}
	lines, err := letters().Audit(r.Context(), d.db, l.ID)
	text := ""
	if l.Shape != "binary" {
		text = string(l.Body)
	}
	d.answer(w, "show", http.StatusOK, inspected{l, text, lines}, err)
}

func (d *desk) audit(w http.ResponseWriter, r *http.Request) {
	lines, err := letters().Audit(r.Context(), d.db, r.URL.Query().Get("letter"))
	d.answer(w, "audit", http.StatusOK, map[string]any{"audit": lines}, err)
}

// redrive answers 202: what became of it shows at its own address.
func (d *desk) redrive(w http.ResponseWriter, r *http.Request) {
	var s deadletters.Selection
	if err := readBody(w, r, &s); err != nil {
		d.answer(w, "redrive", 0, nil, err)
		return
	}
	redrive, err := letters().Redrive(r.Context(), d.db, r.PathValue("name"), who(r), s)
	if err == nil {
		d.log.Info("audit", "action", "redrive", "name", redrive.Name, "letters", redrive.Letters, "by", who(r))
	}
	d.answer(w, "redrive", http.StatusAccepted, redrive, err)
}

func (d *desk) progress(w http.ResponseWriter, r *http.Request) {
	redrive, err := letters().FindRedrive(r.Context(), d.db, r.PathValue("name"))
	d.answer(w, "progress", http.StatusOK, redrive, err)
}

type discardBody struct {
	deadletters.Selection
	Why string `json:"why"`
}

// discard is safe to repeat: what is discarded is not open any more.
func (d *desk) discard(w http.ResponseWriter, r *http.Request) {
	var body discardBody
	if err := readBody(w, r, &body); err != nil {
		d.answer(w, "discard", 0, nil, err)
		return
	}
	if body.Why == "" || len(body.Why) > maxWhy {
		d.answer(w, "discard", 0, nil, problem.Invalid("why must say in up to 500 characters why they are discarded"))
		return
	}
	n, err := letters().Discard(r.Context(), d.db, who(r), body.Why, body.Selection)
	if err == nil {
		d.log.Info("audit", "action", "discard", "letters", n, "by", who(r))
	}
	d.answer(w, "discard", http.StatusOK, map[string]int{"discarded": n}, err)
}

func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	raw, err := problem.ReadJSON(w, r, maxDeskBody)
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
