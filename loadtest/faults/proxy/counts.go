package proxy

import (
	"maps"
	"sync"
	"time"
)

const (
	maxNames   = 1000   // more are counted as "other"
	maxRecords = 10_000 // later operations are counted and not recorded
)

// Count is what happened to the operations of one name.
type Count struct {
	Seen      int64 // read from a client
	Forwarded int64 // sent to the server; a duplicate counts twice
	Answered  int64 // answered to the client
	Faulted   int64 // taken by a fault
}

// Connections is what happened to connections.
type Connections struct {
	Accepted int64
	Open     int64
	Refused  int64 // at once: the link was down, or too many were open
	Failed   int64 // the server was not there
	Broken   int64 // ended by bytes that the protocol does not know
	LastErr  error // why the last one was broken or failed
}

// A Record is one operation as it was seen.
type Record struct {
	At        time.Time
	Conn      int64 // numbers connections
	Operation string
	Fault     string // the fault that took it, or empty
}

// A Recording is what a proxy saw, in order, since the last Clear.
type Recording struct {
	Records []Record
	Lost    int // operations after the recording was full
}

// ledger holds what is counted and recorded.
type ledger struct {
	mu        sync.Mutex
	counts    map[string]Count
	conns     Connections
	recording Recording
}

func (l *ledger) count(name string, change func(*Count)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.counts[name]; !known && len(l.counts) >= maxNames {
		name = "other"
	}
	c := l.counts[name]
	change(&c)
	l.counts[name] = c
}

func (l *ledger) record(r Record) {
	l.count(r.Operation, func(c *Count) {
		c.Seen++
		if r.Fault != "" {
			c.Faulted++
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recording.Records) >= maxRecords {
		l.recording.Lost++
		return
	}
	l.recording.Records = append(l.recording.Records, r)
}

func (l *ledger) forwarded(op *Operation) {
	if !op.Minor {
		l.count(op.Name, func(c *Count) { c.Forwarded++ })
	}
}

func (l *ledger) answered(op *Operation) {
	if !op.Minor {
		l.count(op.Name, func(c *Count) { c.Answered++ })
	}
}

func (l *ledger) connection(change func(*Connections)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.conns)
}

func (l *ledger) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.counts)
	l.recording = Recording{}
}

func (l *ledger) snapshot() (map[string]Count, Connections, Recording) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.recording
	r.Records = append([]Record(nil), r.Records...)
	return maps.Clone(l.counts), l.conns, r
}
