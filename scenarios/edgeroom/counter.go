package edgeroom

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Counter counts. Its value, and the keys of what was counted, are in its database.
type Counter struct {
	DB  Database
	Now func() time.Time
	// Pause waits for so long. Increments that arrive meanwhile are committed
	// together: a commit waits for the disk, and holds everybody up.
	Pause func(ctx context.Context, d time.Duration) error
	// Admit says whether one more increment may come in now; nil lets all in.
	Admit func() bool

	mu    sync.Mutex
	queue []*waiting
	since int // increments since old keys were forgotten
}

// waiting is an increment that is to be committed with others.
type waiting struct {
	key    string
	amount int64
	done   chan struct{} // closed when the rest is there
	value  int64
	again  bool
	err    error
}

const (
	// together is how long the first increment waits for others.
	together = 3 * time.Millisecond
	// forgetEvery is how many increments go by between two looks for old keys.
	forgetEvery = 1000
)

// Open makes the tables. The counter moves with the row of the key: one statement
// does both or neither.
func (c *Counter) Open(ctx context.Context) error {
	return create(ctx, c.DB,
		"CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL)",
		"INSERT INTO counter VALUES (1, 0) ON CONFLICT DO NOTHING",
		"CREATE TABLE IF NOT EXISTS increments (key TEXT PRIMARY KEY, amount INTEGER NOT NULL, value INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
		"CREATE INDEX IF NOT EXISTS increments_by_age ON increments (at)",
		"CREATE TRIGGER IF NOT EXISTS counted AFTER INSERT ON increments BEGIN UPDATE counter SET value = NEW.value; END")
}

// Value is what was counted so far.
func (c *Counter) Value(ctx context.Context) (int64, error) {
	got, err := c.DB.SQL(ctx, "SELECT value FROM counter")
	n, _ := number(got)
	return n, err
}

// Add adds an amount once for each key and returns the value that this made, also
// when the key comes again.
func (c *Counter) Add(ctx context.Context, key string, amount int64) (value int64, again bool, err error) {
	if c.Admit != nil && !c.Admit() {
		return 0, false, ErrBusy
	}
	w := &waiting{key: key, amount: amount, done: make(chan struct{})}
	n := c.enqueue(w)
	if n > MaxWaiting {
		return 0, false, ErrBusy
	}
	if n == 1 {
		c.commit(context.WithoutCancel(ctx)) // the others wait for it, whoever left
	}
	select {
	case <-w.done:
		return w.value, w.again, w.err
	case <-ctx.Done():
		return 0, false, context.Cause(ctx)
	}
}

// enqueue returns how many increments wait, with this one, which does not where they
// are too many.
func (c *Counter) enqueue(w *waiting) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) < MaxWaiting {
		c.queue = append(c.queue, w)
		return len(c.queue)
	}
	return len(c.queue) + 1
}

// commit waits for others and counts all that came. Between the first and the last
// nothing waits, so all are committed together.
func (c *Counter) commit(ctx context.Context) {
	err := c.Pause(ctx, together)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.queue {
		if w.err = err; err == nil {
			w.value, w.again, w.err = c.add(ctx, w.key, w.amount)
		}
		close(w.done)
	}
	c.queue = nil
}

func (c *Counter) add(ctx context.Context, key string, amount int64) (value int64, again bool, err error) {
	made, err := c.DB.SQL(ctx, "INSERT INTO increments SELECT ?, ?, value + ?, ? FROM counter WHERE true ON CONFLICT (key) DO NOTHING RETURNING value",
		key, amount, amount, c.Now().UnixMilli())
	if err != nil {
		return 0, false, err
	}
	if value, ok := number(made); ok {
		return value, false, c.forget(ctx)
	}
	found, err := c.DB.SQL(ctx, "SELECT value, amount FROM increments WHERE key = ?", key)
	if err != nil {
		return 0, true, err
	}
	value, ok := number(found)
	if !ok || found.Rows[0][1] != amount {
		return 0, true, ErrKeyReused
	}
	return value, true, nil
}

// forget drops keys that nobody repeats any more, now and then.
func (c *Counter) forget(ctx context.Context) error {
	if c.since++; c.since < forgetEvery {
		return nil
	}
	c.since = 0
	_, err := c.DB.SQL(ctx, "DELETE FROM increments WHERE at < ?", c.Now().Add(-KeysKept).UnixMilli())
	return err
}

// Handler answers what the Worker passes on.
func (c *Counter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/counters/{name}", func(w http.ResponseWriter, r *http.Request) {
		value, err := c.Value(r.Context())
		reply(w, counted{Value: value}, err)
	})
	mux.HandleFunc("POST /api/counters/{name}/increments", func(w http.ResponseWriter, r *http.Request) {
		in, err := readIncrement(r)
		if err != nil {
			reply(w, nil, err)
			return
		}
		value, again, err := c.Add(r.Context(), in.key, in.By)
		if again {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		reply(w, counted{Value: value, Key: in.key}, err)
	})
	return mux
}

// counted is an answer.
type counted struct {
	Value int64  `json:"value"`
	Key   string `json:"key,omitempty"`
}
