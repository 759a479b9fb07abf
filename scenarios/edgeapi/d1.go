package edgeapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/provingground/provingground/pkg/edge/d1"
)

// D1 is the Worker's binding of that name.
type D1 struct{ Binding string }

// Batch implements Database with one session, which is one round trip.
func (d D1) Batch(ctx context.Context, since string, all ...Statement) ([]Rows, string, error) {
	session := d1.DB(d).Session(first(since, d1.FirstPrimary))
	list := make([]d1.Statement, len(all))
	for i, s := range all {
		list[i] = d1.Statement(s)
	}
	answers, err := session.Batch(ctx, list...)
	if err != nil {
		return nil, "", classify(err)
	}
	results := make([]Rows, len(answers))
	for i, a := range answers {
		results[i] = a.Rows
	}
	return results, session.Bookmark(), nil
}

// classify knows the errors that D1 gives before it does anything, for its queue is
// full, and those of a connection that ended, which workerd meets where it sends on one
// that the other side is just closing. See "D1 errors" in Cloudflare's documentation.
func classify(err error) error {
	switch {
	case strings.Contains(err.Error(), "D1 DB is overloaded"):
		return fmt.Errorf("%w: %w", ErrOverloaded, err)
	case strings.Contains(err.Error(), "Network connection lost"):
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}
