package management

import (
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

func renewSession(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	until, err := b.RenewSession(path, a.text("session-id"))
	if err != nil {
		return nil, err
	}
	return encoding.Map{{Key: "expiration", Value: until}}, nil
}

func setSessionState(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	state, _ := a.get("session-state").([]byte)
	return done(), b.SetSessionState(path, a.text("session-id"), state)
}

func sessionState(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	state, err := b.SessionState(path, a.text("session-id"))
	if err != nil {
		return nil, err
	}
	var v any
	if state != nil {
		v = state
	}
	return encoding.Map{{Key: "session-state", Value: v}}, nil
}

// listSessions takes a time in year 9999 or later for "sessions with messages
// or a state", as clients say it.
func listSessions(b *broker.Broker, path string, a arguments) (encoding.Map, error) {
	after, _ := a.get("last-updated-time").(time.Time)
	if after.Year() >= 9999 {
		after = time.Time{}
	}
	ids, err := b.Sessions(path, after)
	if err != nil {
		return nil, err
	}
	from, to := a.page(len(ids))
	if from == to {
		return nil, nil
	}
	return encoding.Map{
		{Key: "skip", Value: int32(to)}, // #nosec: bounded by the number of sessions
		{Key: "sessions-ids", Value: ids[from:to]},
	}, nil
}
