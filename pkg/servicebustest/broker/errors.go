package broker

import "fmt"

// Condition names a failure as the service does on the wire.
type Condition string

// Conditions of the broker.
const (
	NotFound            Condition = "amqp:not-found"
	NotAllowed          Condition = "amqp:not-allowed"
	ResourceLimit       Condition = "amqp:resource-limit-exceeded"
	EntityDisabled      Condition = "com.microsoft:entity-disabled"
	EntityAlreadyExists Condition = "com.microsoft:entity-already-exists"
	ArgumentError       Condition = "com.microsoft:argument-error"
	MessageLockLost     Condition = "com.microsoft:message-lock-lost"
	MessageNotFound     Condition = "com.microsoft:message-not-found"
	SessionLockLost     Condition = "com.microsoft:session-lock-lost"
	SessionTaken        Condition = "com.microsoft:session-cannot-be-locked"
	Timeout             Condition = "com.microsoft:timeout"
	DetachForced        Condition = "amqp:link:detach-forced"
)

// Error is a failure with the condition that a client acts on.
type Error struct {
	Condition   Condition
	Description string
}

// Error returns condition and description.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Condition, e.Description) }

func errorf(c Condition, format string, args ...any) *Error {
	return &Error{c, fmt.Sprintf(format, args...)}
}

// lockLost is the sentence that clients and their tests know.
func lockLost() *Error {
	return errorf(MessageLockLost, "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.")
}
