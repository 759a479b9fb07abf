package pubsubtest_test

import gax "github.com/googleapis/gax-go/v2"

// noRetry makes a call of the generated clients try once.
func noRetry() []gax.CallOption {
	return []gax.CallOption{gax.WithRetry(func() gax.Retryer { return nil })}
}
