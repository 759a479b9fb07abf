package servicebusdlq

import "fmt"

// kind is what is wrong with a payment.
type kind int

// The kinds: the first two are given up at once, the others after five failures.
const (
	wholesome kind = iota
	malformed
	version
	unpriced // in a currency without a rate, which can be mended
	slow     // the partner does not answer
	partless // the handler panics
	kinds
)

// reason is by which its letter is grouped.
func (k kind) reason() string {
	return [...]string{"", "malformed", "unknown-version", "keeps-failing", "keeps-failing", "panicked"}[k]
}

// unpricedShape is that of the bodies in a currency.
const unpricedShape = `{"amount":number,"currency":string}`

// payment is one request. Its id is its idempotency key.
type payment struct {
	id      string
	kind    kind
	account string
	ordered bool
	amount  int64
}

// payment returns what is sent as number k.
func (d *Driver) payment(k int64) payment {
	p := payment{id: fmt.Sprintf("%s-payment-%d", d.run, k), kind: d.kindOf(k), ordered: k%orderedOf == 0, amount: 100 + k%900}
	p.account = fmt.Sprintf("r%s-a-%d", d.run, k%int64(d.setup.Records))
	if p.ordered {
		p.account = fmt.Sprintf("r%s-o-%d", d.run, k/orderedOf%d.sessions())
	}
	return p
}

// sessions is how many accounts pay through the queue with sessions: so few that each
// comes again while the load lasts, also where it is short and slow, for order is a
// matter of pairs.
func (d *Driver) sessions() int64 {
	return min(orderedAccounts, max(1, int64(d.setup.Rate/orderedOf*orderedEvery.Seconds())))
}

// kindOf spreads the kinds, so that each has its share.
func (d *Driver) kindOf(k int64) kind {
	switch {
	case d.noPoison.Load():
		return wholesome
	case d.allPoison.Load():
		return 1 + kind(k%int64(kinds-1))
	case d.orderedPoison.Load() && k%orderedOf == 0 && k/orderedOf/d.sessions()%2 == 0: // of each account every other
		return unpriced
	case k%poisonOf == poisonOf/3:
		return 1 + kind(k/poisonOf%int64(kinds-1))
	}
	return wholesome
}

// data is the body of a payment's message.
func (d *Driver) data(of kind, amount int64) string {
	switch of {
	case malformed:
		return `"four hundred and fifty"`
	case unpriced:
		return fmt.Sprintf(`{"amount":%d,"currency":%q}`, amount, d.currency)
	case slow:
		return fmt.Sprintf(`{"amount":%d,"partner_ms":3600000}`, amount)
	case partless:
		return fmt.Sprintf(`{"amount":%d,"parts":0}`, amount)
	}
	return fmt.Sprintf(`{"amount":%d}`, amount)
}

// schema is the version that a payment says it has.
func (k kind) schema() int {
	if k == version {
		return 9
	}
	return 1
}
