package servicebusconsumer

import (
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
)

// ErrLost is the cause of a handler's context that ended because the message or
// its session may be somebody else's by now.
var ErrLost = errors.New("the lock is lost")

type permanent struct {
	reason string
	error
}

func (p *permanent) Unwrap() error { return p.error }

// Permanent marks an error that no repetition mends. Reason is a short name that
// the dead letter carries; the error's text is its description.
func Permanent(reason string, err error) error { return &permanent{reason, err} }

type unavailable struct{ error }

func (u *unavailable) Unwrap() error { return u.error }

// Unavailable marks the error of a dependency that is away: it says nothing about
// the message.
func Unavailable(err error) error { return &unavailable{err} }

// panicked is what a handler panicked with.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("the handler panicked: %v", p.value) }

// is tells errors of the SDK apart by their code.
func is(err error, code azservicebus.Code) bool {
	e, ok := errors.AsType[*azservicebus.Error](err)
	return ok && e.Code == code
}

// sessionTaken is what the SDK is told when it opens the link of a session again that
// somebody else has by now. It has no code for it.
const sessionTaken amqp.ErrCond = "com.microsoft:session-cannot-be-locked"

// lost reports whether an error says that the lock is not ours any more.
func lost(err error) bool {
	e, ok := errors.AsType[*amqp.Error](err)
	return is(err, azservicebus.CodeLockLost) || errors.Is(err, ErrLost) || ok && e.Condition == sessionTaken
}
