package admin

import (
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

// partitions is what the service multiplies the size of a partitioned entity by.
const partitions = 16

// maxLock is the longest lock that the service allows.
const maxLock = 5 * time.Minute

// readSettings reads the elements of a description. Each is kept as it came in
// Metadata, so that a client finds what it stored.
func readSettings(x element) (broker.Settings, error) {
	s := broker.Settings{Metadata: map[string]string{}}
	for _, c := range x.Children {
		if c.nilled() || !stored(c.XMLName.Local) {
			continue
		}
		s.Metadata[c.XMLName.Local] = c.inner()
		if err := readSetting(&s, c.XMLName.Local, strings.TrimSpace(c.Text)); err != nil {
			return s, badRequest("%s: %v.", c.XMLName.Local, err)
		}
	}
	if x.text("RequiresDuplicateDetection") != "true" {
		s.DuplicateWindow = 0
	} else if s.DuplicateWindow == 0 {
		s.DuplicateWindow = 10 * time.Minute
	}
	if s.LockDuration > maxLock {
		return s, badRequest("LockDuration: %s is longer than %s.", s.LockDuration, maxLock)
	}
	return s, nil
}

// stored says whether an element is a setting, not a state that a client read
// before and sends back.
func stored(name string) bool {
	switch name {
	case "CountDetails", "MessageCount", "SizeInBytes", "CreatedAt", "UpdatedAt", "AccessedAt", "SubscriptionCount",
		"SqlFilterCount", "CorrelationFilterCount", "DefaultRuleDescription", "EntityAvailabilityStatus":
		return false
	}
	return true
}

func readSetting(s *broker.Settings, name, text string) (err error) {
	switch name {
	case "LockDuration":
		s.LockDuration, err = config.ParseDuration(text)
	case "DefaultMessageTimeToLive":
		s.DefaultTTL, err = config.ParseDuration(text)
	case "DuplicateDetectionHistoryTimeWindow":
		s.DuplicateWindow, err = config.ParseDuration(text)
	case "MaxDeliveryCount":
		s.MaxDeliveryCount, err = strconv.Atoi(text)
	case "MaxSizeInMegabytes":
		s.MaxSize, err = strconv.ParseInt(text, 10, 40)
		s.MaxSize <<= 20
	case "DeadLetteringOnMessageExpiration":
		s.DeadLetterOnExpiration = text == "true"
	case "DeadLetteringOnFilterEvaluationExceptions":
		s.DeadLetterOnFilterError = text == "true"
	case "RequiresSession":
		s.RequiresSession = text == "true"
	case "ForwardTo":
		s.ForwardTo = access.Path(text)
	case "ForwardDeadLetteredMessagesTo":
		s.ForwardDeadLettersTo = access.Path(text)
	case "Status":
		s.Status = broker.Status(text)
	}
	return err
}

// partition makes the size of a new partitioned entity that of all partitions
// together, as the service does.
func partition(s *broker.Settings, x element) {
	if x.text("EnablePartitioning") != "true" {
		return
	}
	if s.MaxSize == 0 {
		s.MaxSize = 1 << 30
	}
	s.MaxSize *= partitions
	s.Metadata["MaxSizeInMegabytes"] = strconv.FormatInt(s.MaxSize>>20, 10)
}
