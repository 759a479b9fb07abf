package broker

import (
	"regexp"
	"time"
)

// Status says what an entity does at the moment.
type Status string

// Statuses of an entity.
const (
	Active          Status = "Active"
	Disabled        Status = "Disabled"
	SendDisabled    Status = "SendDisabled"
	ReceiveDisabled Status = "ReceiveDisabled"
)

// Settings of a queue, a topic or a subscription. What does not apply to a kind
// of entity is ignored. The zero value is what the service takes by default.
type Settings struct {
	LockDuration            time.Duration `json:",omitempty"` // default 1 minute
	MaxDeliveryCount        int           `json:",omitempty"` // default 10
	DefaultTTL              time.Duration `json:",omitempty"` // 0: messages do not expire by themselves
	DeadLetterOnExpiration  bool          `json:",omitempty"`
	RequiresSession         bool          `json:",omitempty"`
	DuplicateWindow         time.Duration `json:",omitempty"` // 0: duplicates are not looked for
	ForwardTo               string        `json:",omitempty"`
	ForwardDeadLettersTo    string        `json:",omitempty"`
	Status                  Status        `json:",omitempty"` // default Active
	MaxSize                 int64         `json:",omitempty"` // bytes, default 1 GiB
	DeadLetterOnFilterError bool          `json:",omitempty"` // kept; filters here have unknown, not errors

	// Metadata is for the caller, who finds here what it stored.
	Metadata map[string]string `json:",omitempty"`
}

func (s Settings) withDefaults() Settings {
	if s.LockDuration <= 0 {
		s.LockDuration = time.Minute
	}
	if s.MaxDeliveryCount <= 0 {
		s.MaxDeliveryCount = 10
	}
	if s.Status == "" {
		s.Status = Active
	}
	if s.MaxSize <= 0 {
		s.MaxSize = 1 << 30
	}
	return s
}

func (s Settings) sends() bool    { return s.Status == Active || s.Status == ReceiveDisabled }
func (s Settings) receives() bool { return s.Status == Active || s.Status == SendDisabled }

// checkName refuses what the service refuses as the name of an entity.
func checkName(name string, longest int) error {
	ok, err := regexp.MatchString(`^[A-Za-z0-9]([\w./~-]*[A-Za-z0-9_])?$`, name)
	if err != nil || !ok || len(name) > longest {
		return errorf(ArgumentError, "The name %q is not allowed: letters, digits, . - _ / inside, at most %d.", name, longest)
	}
	return nil
}
