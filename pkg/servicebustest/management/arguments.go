package management

import (
	"fmt"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

// maxItems bounds what one request may name or ask for.
const maxItems = 5000

// arguments are the entries of a request's body.
type arguments struct{ body encoding.Map }

func (a arguments) get(key string) any {
	v, _ := a.body.Get(key)
	return v
}

func (a arguments) text(key string) string { return encoding.Text(a.get(key)) }

func (a arguments) integer(key string) int64 {
	n, _ := encoding.Integer(a.get(key))
	return n
}

func (a arguments) mapping(key string) encoding.Map {
	m, _ := a.get(key).(encoding.Map)
	return m
}

// session returns the session id if the request names one.
func (a arguments) session() *string {
	if id, ok := a.get("session-id").(string); ok {
		return &id
	}
	return nil
}

func argumentError(format string, args ...any) error {
	return &broker.Error{Condition: broker.ArgumentError, Description: fmt.Sprintf(format, args...)}
}

// items returns a list or array that must be there.
func (a arguments) items(key string) ([]any, error) {
	items := encoding.Items(a.get(key))
	if len(items) == 0 || len(items) > maxItems {
		return nil, argumentError("'%s' must have between 1 and %d items.", key, maxItems)
	}
	return items, nil
}

// tags returns the delivery tags of the lock tokens of a request.
func (a arguments) tags() ([]encoding.UUID, error) {
	items, err := a.items("lock-tokens")
	if err != nil {
		return nil, err
	}
	tags := make([]encoding.UUID, len(items))
	for i, item := range items {
		token, ok := item.(encoding.UUID)
		if !ok {
			return nil, argumentError("A lock token is a uuid, not %T.", item)
		}
		tags[i] = broker.LockToken(token)
	}
	return tags, nil
}

func (a arguments) sequences() ([]int64, error) {
	items, err := a.items("sequence-numbers")
	if err != nil {
		return nil, err
	}
	sequences := make([]int64, len(items))
	for i, item := range items {
		n, ok := encoding.Integer(item)
		if !ok {
			return nil, argumentError("A sequence number is a long, not %T.", item)
		}
		sequences[i] = n
	}
	return sequences, nil
}

// page cuts what skip and top of a request ask for out of n items. A client
// that gets the same page twice never stops asking.
func (a arguments) page(n int) (from, to int) {
	skip, top := a.integer("skip"), a.integer("top")
	if top <= 0 || top > maxItems {
		top = maxItems
	}
	from = int(min(max(skip, 0), int64(n)))
	return from, min(from+int(top), n)
}
