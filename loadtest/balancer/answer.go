package balancer

import (
	"github.com/provingground/provingground/loadtest/engine"
	"github.com/provingground/provingground/loadtest/ledger"
)

// End says what the answer in Resp, or the err in its place, means for a write: a
// connection that was never made is no attempt, one that broke leaves it open.
func (c *Clients) End(err error) ledger.End {
	switch {
	case err == nil:
		return ledger.EndOf(c.Resp.Status, c.Resp.Header("Retry-After") != nil)
	case engine.KindOf(err) == engine.Dial:
		return ledger.NotAttempted
	}
	return ledger.Unknown
}

// GaveUp is the outcome of a write whose last attempt ended so.
func (c *Clients) GaveUp(end ledger.End, err error) engine.Outcome {
	switch {
	case err != nil:
		return engine.Outcome{Kind: engine.KindOf(err)}
	case end == ledger.NotAttempted:
		return engine.Outcome{Kind: engine.Refused, Status: c.Resp.Status}
	}
	return engine.Outcome{Kind: engine.Status, Status: c.Resp.Status}
}
