//go:build unix

package stack

import (
	"context"
	"errors"
)

func compile(ctx context.Context, module, pkg string, edits []Edit, to string) error {
	return errors.New("Go Workers: not yet")
}
