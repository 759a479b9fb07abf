package servicebusdlq

import (
	"context"
	"fmt"
	"net/http"

	"github.com/provingground/provingground/pkg/problem"
)

// accounts shows what accounts have paid, and sets rates.
type accounts struct {
	ledger  ledger
	answers answers
}

func (a accounts) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/accounts/{account}", a.show)
	mux.HandleFunc("/api/accounts/{account}", a.answers.notAllowed("GET"))
	mux.Handle("/", nothing())
	return mux
}

// paid is what is booked of an account.
type paid struct {
	Account  string `json:"account"`
	Payments int64  `json:"payments"`
	Cents    int64  `json:"cents"`
}

func (a accounts) show(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	found := paid{Account: r.PathValue("account")}
	var err error
	if validAccount(found.Account) {
		found.Payments, found.Cents, err = a.ledger.paid(ctx, found.Account)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", errUnavailable, err) // a read has no outcome
	case found.Payments == 0:
		err = problem.New(http.StatusNotFound, "no-such-account", "No such account", "No payment of this account is booked.")
	}
	a.answers.give(w, "account", http.StatusOK, found, err)
}

type rateBody struct {
	Rate int64 `json:"rate"` // in cents of EUR, for a hundred of the currency's
}

func (a accounts) setRate(w http.ResponseWriter, r *http.Request) {
	var body rateBody
	currency := r.PathValue("currency")
	err := readBody(w, r, &body)
	if err == nil && (!validCurrency(currency) || currency == home || body.Rate < 1 || body.Rate > maxRate) {
		err = problem.Invalid(fmt.Sprintf("a currency is three letters and not %s, a rate 1 to %d", home, maxRate))
	}
	if err == nil {
		err = a.ledger.setRate(r.Context(), currency, body.Rate)
	}
	if err != nil {
		a.answers.fail(w, "rate", err)
		return
	}
	a.answers.log.Info("audit", "action", "rate", "currency", currency, "rate", body.Rate)
	a.answers.metrics.answered("rate", http.StatusNoContent)
	w.WriteHeader(http.StatusNoContent)
}
