package dynamoerr_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/provingground/provingground/pkg/dynamoerr"
)

func TestWhatAnErrorMeans(t *testing.T) {
	canceled := func(codes ...string) error {
		e := &types.TransactionCanceledException{}
		for _, code := range codes {
			e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: &code})
		}
		return fmt.Errorf("wrapped: %w", e)
	}
	for _, tt := range []struct {
		name                              string
		err                               error
		notAttempted, conflicted, refused bool
	}{
		{"no error", nil, false, false, false},
		{"a timeout", context.DeadlineExceeded, false, false, false},
		{"a reset connection", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, false, false, false},
		{"no connection", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true, false, false},
		{"throttled", &types.ProvisionedThroughputExceededException{}, true, false, false},
		{"the account's limit", &types.RequestLimitExceeded{}, true, false, false},
		{"an internal error", &types.InternalServerError{}, false, false, false},
		{"a conflict", canceled("None", "TransactionConflict"), false, true, true},
		{"a condition", canceled("ConditionalCheckFailed"), false, false, true},
		{"canceled without reasons", canceled(), false, false, true},
		{"something else", errors.New("x"), false, false, false},
	} {
		if got := dynamoerr.NotAttempted(tt.err); got != tt.notAttempted {
			t.Errorf("%s: NotAttempted = %v", tt.name, got)
		}
		if got := dynamoerr.Conflicted(tt.err); got != tt.conflicted {
			t.Errorf("%s: Conflicted = %v", tt.name, got)
		}
		if got := dynamoerr.Canceled(tt.err); got != tt.refused {
			t.Errorf("%s: Canceled = %v", tt.name, got)
		}
	}
}
