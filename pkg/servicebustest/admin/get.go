package admin

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

func (h *Handler) get(r *http.Request, t target) (answer reply, err error) {
	h.options.Do(func(b *broker.Broker) {
		switch {
		case t.namespace:
			answer = h.namespace(r)
		case t.list != "":
			answer, err = list(b, r, t)
		case t.rule != "":
			answer = getRule(b, r, t)
		default:
			answer = getEntity(b, r, t)
		}
	})
	return answer, err
}

func getEntity(b *broker.Broker, r *http.Request, t target) reply {
	d, err := b.Describe(t.entity())
	if err != nil || d.Kind == broker.DeadLetters {
		return nothing(r)
	}
	return one(r, http.StatusOK, describe(b, d))
}

func describe(b *broker.Broker, d broker.Description) entry {
	return newEntry(d, write(b, d))
}

func getRule(b *broker.Broker, r *http.Request, t target) reply {
	rule, ok := findRule(b, t)
	if !ok {
		return nothing(r)
	}
	return one(r, http.StatusOK, ruleEntry(t, rule))
}

// pageSize is how many entries a list has if the client does not say.
const pageSize = 100

func list(b *broker.Broker, r *http.Request, t target) (reply, error) {
	var all []entry
	switch t.list {
	case "queues":
		all = describeAll(b, b.Queues())
	case "topics":
		all = describeAll(b, b.Topics())
	case "subscriptions":
		found, err := b.Subscriptions(t.name)
		if err != nil {
			return reply{}, err
		}
		all = describeAll(b, found)
	case "rules":
		rules, err := b.Rules(t.entity())
		if err != nil {
			return reply{}, err
		}
		for _, rule := range rules {
			all = append(all, ruleEntry(t, rule))
		}
	}
	query := r.URL.Query()
	from := min(number(query, "$skip", 0), len(all))
	to := min(from+number(query, "$top", pageSize), len(all))
	return feed(r, t.list, all[from:to]), nil
}

func number(query url.Values, name string, otherwise int) int {
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < 0 || n > 1<<20 {
		return otherwise
	}
	return n
}

func describeAll(b *broker.Broker, found []broker.Description) []entry {
	all := make([]entry, len(found))
	for i, d := range found {
		all[i] = describe(b, d)
	}
	return all
}
