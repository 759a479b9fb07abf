// Package pubsubdlq bills usage that arrives over Pub/Sub, and goes on billing when
// some of it is poison.
//
//	client ─ POST /api/usage ─▶ publisher ×2 ─▶ topic ─▶ subscriber ×2 ─ one transaction: inbox row + charge + balance ─▶ PostgreSQL
//	                                              ▲            │ permanent, or failed 5 times: with its reason
//	                                              │            ▼
//	                                              │      dead-letter topic ─▶ deadletters ×2 ─▶ PostgreSQL: shown once
//	                                              └──────── redrive, one, two, four … ◀──┘  list · groups · inspect · discard
//
// Delivery is at least once everywhere. A charge is made once, in PostgreSQL.
//
// Start here: biller.go has the effect and tells permanent errors from others;
// pkg/pubsubconsumer decides what becomes of a message. The boxes of the diagram are
// files: publisher.go, subscriber.go, deadletters.go; before.go is the subscriber
// that stalls.
package pubsubdlq

import "errors"

// What a caller can act on.
var (
	// ErrUnavailable promises that nothing was done.
	ErrUnavailable = errors.New("nothing was done")
	// ErrNoDeadLetters says that what would be buried would be lost.
	ErrNoDeadLetters = errors.New("the dead-letter topic has no subscription: what is published to it would be lost")
)

// OnPoison is what becomes of the messages behind a poisoned one, with the same
// ordering key.
type OnPoison string

const (
	// Skip lets them pass: the default. Right where each message stands alone, as a
	// charge does, or where a late one can tell that it is late.
	Skip OnPoison = "skip"
	// Park sends them to the dead-letter topic, too, until the poisoned one is taken
	// or discarded. Right where the second makes no sense without the first.
	Park OnPoison = "park"
)
