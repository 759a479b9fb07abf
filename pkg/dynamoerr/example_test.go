package dynamoerr_test

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"github.com/provingground/provingground/pkg/dynamoerr"
)

// A caller answers 503 only where it can promise that nothing happened.
func Example() {
	status := func(err error) int {
		switch {
		case dynamoerr.NotAttempted(err):
			return 503
		case dynamoerr.Conflicted(err):
			return 409
		}
		return 504
	}
	fmt.Println(status(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}))
	fmt.Println(status(context.DeadlineExceeded))
	// Output:
	// 503
	// 504
}
