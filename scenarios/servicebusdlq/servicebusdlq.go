// Package servicebusdlq books payments that arrive over Service Bus, each once, and
// goes on when some of them are poison.
//
//	client ─ POST /api/payments ─▶ producer ×2 ─▶ queue, or queue with sessions ─▶ processor ×2
//	                                   ▲              │                               │ one transaction of one partition:
//	                                   │              │                               │ dedup row + charge ─▶ Table storage
//	                                   │              ▼ permanent, or failed 5 times: with its reason
//	                                   │        dead-letter queue ─▶ quarantine ×2 ─▶ Table storage: letter + audit
//	                                   └─ a new MessageId ◀── list · groups · diff · repair · canary · resubmit · discard
//
// Delivery is at least once everywhere. A message whose lock was lost may run twice;
// its effect in Table storage is applied once.
//
// Start here: processor.go has the handler and tells permanent errors from others,
// ledger.go the effect; pkg/servicebusconsumer decides what becomes of a message. The
// boxes of the diagram are files: producer.go, processor.go, collect.go, desk.go and
// resubmit.go; before.go is the processor that clogs and doubles.
package servicebusdlq

import "errors"

// errUnavailable promises that nothing was done.
var errUnavailable = errors.New("nothing was done")

// Queues are the names of the two queues.
type Queues struct {
	Plain   string // any message next
	Ordered string // with sessions: the payments of an account one after the other
}
