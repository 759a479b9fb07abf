package pubsubdlq

import "fmt"

// kind is what is wrong with an event.
type kind int

// The kinds: the first three are beyond repair, the next two are mended by setting the
// account right, the last two need a longer life than a test has.
const (
	wholesome kind = iota
	malformed
	version
	refused
	unknown  // account
	unpriced // account: fails each time, for no named reason
	slow     // account: its partner does not answer
	packless // account: the handler panics
	kinds
)

// mendable tells what redrive-twice sets right.
func (k kind) mendable() bool { return k == unknown || k == unpriced }

// reason is by which its dead letter is grouped.
func (k kind) reason() string {
	return [...]string{"", "malformed", "unknown-version", "refused-by-database", "unknown-account", "keeps-failing", "too-slow", "panicked"}[k]
}

// kindOf returns what event k is, so that every kind has its share.
func (d *Driver) kindOf(k int64) kind {
	switch {
	case d.noPoison.Load():
		return wholesome
	case d.allPoison.Load():
		return 1 + kind(k%int64(kinds-1))
	case k%poisonOf == poisonOf/3:
		return 1 + kind(k/poisonOf%int64(kinds-1))
	}
	return wholesome
}

// account returns whom event k is about.
func (d *Driver) account(k int64, of kind) string {
	if name, ok := bad()[of]; ok {
		// Poison has its accounts to itself: what comes behind it on the same key waits
		// while it is tried again, as order demands.
		n := k / poisonOf
		if d.allPoison.Load() {
			n = d.bursts.Add(1)
		}
		return fmt.Sprintf("r%s-%s-%d", d.run, name, n/int64(kinds-1)%badOfAKind)
	}
	return fmt.Sprintf("r%s-a-%d", d.run, k%int64(d.setup.Records))
}

func bad() map[kind]string {
	return map[kind]string{unknown: "unknown", unpriced: "unpriced", slow: "slow", packless: "packless"}
}

// body is the request for an event, without its id.
func body(account string, of kind, units int64) string {
	switch of {
	case malformed:
		return fmt.Sprintf(`{"account":%q,"data":"three units"}`, account)
	case version:
		return fmt.Sprintf(`{"account":%q,"version":9,"data":{"quantity":%d}}`, account, units)
	case refused:
		return fmt.Sprintf(`{"account":%q,"data":{"units":-1000000000000}}`, account)
	}
	return fmt.Sprintf(`{"account":%q,"data":{"units":%d}}`, account, units)
}
