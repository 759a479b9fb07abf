package admin

import (
	"net/http"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

// put makes an entity or a rule, or changes it if the request has If-Match.
func (h *Handler) put(r *http.Request, t target) (answer reply, err error) {
	if t.name == "" || t.list != "" {
		return reply{}, badRequest("'%s' names no entity.", r.URL.Path)
	}
	x, err := readDescription(r.Body)
	if err != nil {
		return reply{}, err
	}
	update := r.Header.Get("If-Match") != ""
	h.options.Do(func(b *broker.Broker) {
		if t.rule != "" {
			answer, err = putRule(b, r, t, x, update)
			return
		}
		answer, err = putEntity(b, r, t, x, update)
	})
	return answer, err
}

func putEntity(b *broker.Broker, r *http.Request, t target, x element, update bool) (reply, error) {
	settings, err := readSettings(x)
	if err != nil {
		return reply{}, err
	}
	status := http.StatusCreated
	if update {
		status = http.StatusOK
		err = updateEntity(b, t, x, settings)
	} else {
		partition(&settings, x)
		err = createEntity(b, t, x, settings)
	}
	if err != nil {
		return reply{}, err
	}
	d, err := b.Describe(t.entity())
	return one(r, status, describe(b, d)), err
}

func createEntity(b *broker.Broker, t target, x element, s broker.Settings) error {
	switch x.XMLName.Local {
	case "QueueDescription":
		return b.CreateQueue(t.name, s)
	case "TopicDescription":
		return b.CreateTopic(t.name, s)
	case "SubscriptionDescription":
		rules, err := defaultRule(x)
		if err != nil {
			return err
		}
		return b.CreateSubscription(t.name, t.subscription, s, rules...)
	}
	return badRequest("A %s cannot be made.", x.XMLName.Local)
}

// updateEntity refuses to change what cannot be changed.
func updateEntity(b *broker.Broker, t target, x element, s broker.Settings) error {
	d, err := b.Describe(t.entity())
	if err != nil {
		return err
	}
	kind := map[broker.Kind]string{broker.Queue: "Queue", broker.Topic: "Topic", broker.Subscription: "Subscription"}[d.Kind]
	if x.XMLName.Local != kind+"Description" {
		return badRequest("'%s' is a %s and cannot become a %s.", t.entity(), kind, x.XMLName.Local)
	}
	for name, same := range map[string]bool{
		"RequiresSession":            s.RequiresSession == d.Settings.RequiresSession,
		"RequiresDuplicateDetection": (s.DuplicateWindow > 0) == (d.Settings.DuplicateWindow > 0),
	} {
		if x.text(name) != "" && !same {
			return badRequest("The value for the %s property of an existing %s cannot be changed.", name, kind)
		}
	}
	if x.text("EnablePartitioning") != "" && (x.text("EnablePartitioning") == "true") != (d.Settings.Metadata["EnablePartitioning"] == "true") {
		return badRequest("Partitioning cannot be changed for %s. ", kind)
	}
	return b.Update(t.entity(), s)
}

func (h *Handler) remove(t target) (reply, error) {
	var err error
	h.options.Do(func(b *broker.Broker) {
		if t.rule != "" {
			err = b.RemoveRule(t.entity(), t.rule)
			return
		}
		err = b.Delete(t.entity())
	})
	return reply{status: http.StatusOK, kind: "entry"}, err
}
