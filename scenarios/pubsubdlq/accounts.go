package pubsubdlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/problem"
)

// accounts shows what accounts owe, and sets what their price depends on.
type accounts struct {
	db      *pgxpool.Pool
	metrics *metrics
	log     *slog.Logger
}

func (a *accounts) public() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/accounts/{account}", a.show)
	mux.HandleFunc("/api/accounts/{account}", answers{a.metrics, a.log}.notAllowed("GET"))
	mux.Handle("/", nothing())
	return mux
}

func (a *accounts) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /admin/accounts/{account}", a.set)
	mux.Handle("/", nothing())
	return mux
}

type accountState struct {
	Account string `json:"account"`
	Price   *int64 `json:"price"`
	Balance int64  `json:"balance"`
}

func (a *accounts) show(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	s := accountState{Account: r.PathValue("account")}
	err := a.db.QueryRow(ctx, "SELECT price, balance FROM accounts WHERE id = $1", s.Account).Scan(&s.Price, &s.Balance)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err = errNoAccount
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrUnavailable, err) // a read has no outcome
	}
	if err != nil {
		answers{a.metrics, a.log}.fail(w, "account", err)
		return
	}
	answers{a.metrics, a.log}.ok(w, "account", http.StatusOK, s)
}

type accountBody struct {
	Price     *int64 `json:"price"` // of a pack, in millionths; left out: none yet
	Pack      int64  `json:"pack"`
	PartnerMS int    `json:"partner_ms"`
}

const (
	maxPrice     = 1_000_000
	maxPartnerMS = 3_600_000
)

// set makes an account or changes it. A pack of nothing is let through: it is the
// kind of mistake that consumers have to live with.
func (a *accounts) set(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("account")
	raw, err := problem.ReadJSON(w, r, maxBody)
	if err != nil {
		answers{a.metrics, a.log}.fail(w, "set", err)
		return
	}
	body := accountBody{Pack: 1}
	if err := problem.DecodeStrict(raw, &body); err != nil {
		answers{a.metrics, a.log}.fail(w, "set", err)
		return
	}
	if !validAccount(name) || body.Pack < 0 || body.PartnerMS < 0 || body.PartnerMS > maxPartnerMS || body.Price != nil && (*body.Price < 0 || *body.Price > maxPrice) {
		answers{a.metrics, a.log}.fail(w, "set", problem.Invalid(fmt.Sprintf("an account has a price of 0 to %d, a pack of at least 0, and a partner_ms of 0 to %d", maxPrice, maxPartnerMS)))
		return
	}
	_, err = a.db.Exec(r.Context(), `
INSERT INTO accounts (id, price, pack, partner_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET price = $2, pack = $3, partner_ms = $4`, name, body.Price, body.Pack, body.PartnerMS)
	if err != nil {
		answers{a.metrics, a.log}.fail(w, "set", err)
		return
	}
	a.log.Info("audit", "action", "account", "account", name, "price", body.Price, "pack", body.Pack, "partner_ms", body.PartnerMS)
	w.WriteHeader(http.StatusNoContent)
}
