// Package dynamoerr tells what an error of DynamoDB means for the caller:
// nothing happened, another transaction was in the way, or the outcome is
// unknown.
package dynamoerr

import (
	"errors"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// NotAttempted reports whether nothing has happened and nothing will: the store
// refused the request before doing anything, or no connection was made. What it
// reports false for, timeouts above all, may have happened.
func NotAttempted(err error) bool {
	var (
		throttled *types.ProvisionedThroughputExceededException
		limit     *types.RequestLimitExceeded
		dial      *net.OpError
	)
	return errors.As(err, &throttled) || errors.As(err, &limit) || (errors.As(err, &dial) && dial.Op == "dial")
}

// Conflicted reports whether a transaction was canceled because another one was
// working on the same item. It left nothing and may be tried again.
func Conflicted(err error) bool {
	return reason(err, "TransactionConflict")
}

// Canceled reports whether a transaction was refused as a whole, for whatever
// reason. It left nothing.
func Canceled(err error) bool {
	var canceled *types.TransactionCanceledException
	return errors.As(err, &canceled)
}

func reason(err error, code string) bool {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return false
	}
	for _, r := range canceled.CancellationReasons {
		if aws.ToString(r.Code) == code {
			return true
		}
	}
	return false
}
