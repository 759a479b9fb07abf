package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
	"github.com/provingground/provingground/pkg/servicebustest/config"
)

// order returns the elements of a description in the order of the schema, which
// .NET's client insists on.
func order(k broker.Kind) []string {
	switch k {
	case broker.Topic:
		return []string{
			"DefaultMessageTimeToLive", "MaxSizeInMegabytes", "RequiresDuplicateDetection", "DuplicateDetectionHistoryTimeWindow",
			"EnableBatchedOperations", "SizeInBytes", "FilteringMessagesBeforePublishing", "IsAnonymousAccessible",
			"AuthorizationRules", "Status", "UserMetadata", "CreatedAt", "UpdatedAt", "AccessedAt", "SupportOrdering",
			"CountDetails", "SubscriptionCount", "AutoDeleteOnIdle", "EnablePartitioning", "EntityAvailabilityStatus",
			"EnableSubscriptionPartitioning", "EnableExpress", "MaxMessageSizeInKilobytes", "SqlFilterCount", "CorrelationFilterCount",
		}
	case broker.Subscription:
		return []string{
			"LockDuration", "RequiresSession", "DefaultMessageTimeToLive", "DeadLetteringOnMessageExpiration",
			"DeadLetteringOnFilterEvaluationExceptions", "MessageCount", "MaxDeliveryCount", "EnableBatchedOperations",
			"Status", "ForwardTo", "CreatedAt", "UpdatedAt", "AccessedAt", "UserMetadata", "CountDetails",
			"ForwardDeadLetteredMessagesTo", "AutoDeleteOnIdle", "EntityAvailabilityStatus",
		}
	case broker.Queue, broker.DeadLetters:
	}
	return []string{
		"LockDuration", "MaxSizeInMegabytes", "RequiresDuplicateDetection", "RequiresSession", "DefaultMessageTimeToLive",
		"DeadLetteringOnMessageExpiration", "DuplicateDetectionHistoryTimeWindow", "MaxDeliveryCount", "EnableBatchedOperations",
		"SizeInBytes", "MessageCount", "IsAnonymousAccessible", "AuthorizationRules", "Status", "ForwardTo", "UserMetadata",
		"CreatedAt", "UpdatedAt", "AccessedAt", "SupportOrdering", "CountDetails", "AutoDeleteOnIdle", "EnablePartitioning",
		"EntityAvailabilityStatus", "ForwardDeadLetteredMessagesTo", "EnableExpress", "MaxMessageSizeInKilobytes",
	}
}

// write writes the elements of a description: what a client stored as it came,
// and all that it did not store.
func write(b *broker.Broker, d broker.Description) string {
	values := defaults(d)
	for name, inner := range d.Settings.Metadata {
		values[name] = inner
	}
	for name, inner := range state(b, d) {
		values[name] = inner
	}
	var out strings.Builder
	for _, name := range order(d.Kind) {
		if inner, ok := values[name]; ok {
			fmt.Fprintf(&out, "<%s>%s</%s>", name, inner, name)
		}
	}
	return out.String()
}

// defaults are the settings as the broker has them.
func defaults(d broker.Description) map[string]string {
	s := d.Settings
	window := s.DuplicateWindow
	if window == 0 {
		window = 10 * time.Minute
	}
	values := map[string]string{
		"LockDuration":                              config.FormatDuration(s.LockDuration),
		"MaxSizeInMegabytes":                        strconv.FormatInt(s.MaxSize>>20, 10),
		"RequiresDuplicateDetection":                strconv.FormatBool(s.DuplicateWindow > 0),
		"RequiresSession":                           strconv.FormatBool(s.RequiresSession),
		"DefaultMessageTimeToLive":                  config.FormatDuration(s.DefaultTTL),
		"DeadLetteringOnMessageExpiration":          strconv.FormatBool(s.DeadLetterOnExpiration),
		"DeadLetteringOnFilterEvaluationExceptions": strconv.FormatBool(s.DeadLetterOnFilterError),
		"DuplicateDetectionHistoryTimeWindow":       config.FormatDuration(window),
		"MaxDeliveryCount":                          strconv.Itoa(s.MaxDeliveryCount),
		"EnableBatchedOperations":                   "true",
		"FilteringMessagesBeforePublishing":         "false",
		"IsAnonymousAccessible":                     "false",
		"AuthorizationRules":                        "",
		"Status":                                    string(s.Status),
		"SupportOrdering":                           "true",
		"AutoDeleteOnIdle":                          config.Forever,
		"EnablePartitioning":                        "false",
		"EntityAvailabilityStatus":                  "Available",
		"EnableSubscriptionPartitioning":            "false",
		"EnableExpress":                             "false",
		"MaxMessageSizeInKilobytes":                 "256",
	}
	for name, to := range map[string]string{"ForwardTo": s.ForwardTo, "ForwardDeadLetteredMessagesTo": s.ForwardDeadLettersTo} {
		if to != "" {
			values[name] = escape(to)
		}
	}
	return values
}

// state is what a client cannot store.
func state(b *broker.Broker, d broker.Description) map[string]string {
	c := d.Counts
	sql, correlation := filterCounts(b, d)
	return map[string]string{
		"MessageCount":           strconv.Itoa(c.Total()),
		"SizeInBytes":            strconv.FormatInt(c.Size, 10),
		"CreatedAt":              d.Created.Format(timeFormat),
		"UpdatedAt":              d.Updated.Format(timeFormat),
		"AccessedAt":             accessed(d.Accessed),
		"SubscriptionCount":      strconv.Itoa(d.Subscriptions),
		"SqlFilterCount":         strconv.Itoa(sql),
		"CorrelationFilterCount": strconv.Itoa(correlation),
		"CountDetails": counted("ActiveMessageCount", c.Active) + counted("DeadLetterMessageCount", c.DeadLetter) +
			counted("ScheduledMessageCount", c.Scheduled) + counted("TransferMessageCount", 0) +
			counted("TransferDeadLetterMessageCount", c.TransferDeadLetter),
	}
}

// accessed is year 1 for an entity that nobody has used yet, as in the service.
func accessed(t time.Time) string {
	if t.IsZero() {
		return "0001-01-01T00:00:00"
	}
	return t.Format(timeFormat)
}

func counted(name string, n int) string {
	return fmt.Sprintf(`<d2p1:%s xmlns:d2p1="%s">%d</d2p1:%s>`, name, nsCounts, n, name)
}

// filterCounts counts the filters of all subscriptions of a topic; true and
// false filters are SQL filters to the service.
func filterCounts(b *broker.Broker, d broker.Description) (sql, correlation int) {
	if d.Kind != broker.Topic {
		return 0, 0
	}
	found, _ := b.Subscriptions(d.Path)
	for _, s := range found {
		rules, _ := b.Rules(s.Path)
		for _, r := range rules {
			if r.Filter.Kind == broker.CorrelationFilter {
				correlation++
				continue
			}
			sql++
		}
	}
	return sql, correlation
}
