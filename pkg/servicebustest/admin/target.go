package admin

import (
	"net/http"
	"strings"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// target is what a path means. Names of queues and topics may have slashes.
type target struct {
	name         string // of a queue or a topic
	subscription string
	rule         string
	list         string // "queues", "topics", "subscriptions", "rules" or ""
	namespace    bool
}

func newTarget(path string) target {
	path = strings.Trim(path, "/")
	switch lower := strings.ToLower(path); lower {
	case "$namespaceinfo":
		return target{namespace: true}
	case "$resources/queues", "$resources/topics":
		return target{list: strings.TrimPrefix(lower, "$resources/")}
	}
	name, rest, ok := cutFold(path, "/subscriptions")
	if !ok {
		return target{name: path}
	}
	t := target{name: name}
	if rest == "" {
		t.list = "subscriptions"
		return t
	}
	t.subscription, rest, ok = cutFold(strings.TrimPrefix(rest, "/"), "/rules")
	switch {
	case ok && rest == "":
		t.list = "rules"
	case ok:
		t.rule = strings.TrimPrefix(rest, "/")
	}
	return t
}

// cutFold splits at a path segment, whatever its case.
func cutFold(path, segment string) (before, after string, ok bool) {
	lower := strings.ToLower(path)
	at := strings.Index(lower+"/", segment+"/")
	if at < 0 {
		return path, "", false
	}
	return path[:at], path[at+len(segment):], true
}

// entity is the path of the entity in the broker.
func (t target) entity() string {
	if t.subscription == "" {
		return t.name
	}
	return broker.SubscriptionPath(t.name, t.subscription)
}

// denied says which claim a request misses.
func (t target) denied(method string) string {
	if t.subscription != "" || t.list == "subscriptions" {
		operation := map[string]string{
			http.MethodGet: "Get", http.MethodPut: "CreateOrUpdate", http.MethodDelete: "Delete",
		}[method] + "Subscription"
		if t.list == "subscriptions" {
			operation = "EnumerateSubscriptions"
		}
		return "401 SubCode=40100: Unauthorized : Unauthorized access for '" + operation + "' operation on this endpoint."
	}
	switch method {
	case http.MethodPut:
		return "Authorization failed for specified action: Manage,EntityWrite."
	case http.MethodDelete:
		return "Authorization failed for specified action: Manage,EntityDelete."
	}
	return "Manage,EntityRead claims required for this operation."
}
