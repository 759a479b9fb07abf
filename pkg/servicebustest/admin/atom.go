package admin

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/broker"
)

const timeFormat = "2006-01-02T15:04:05.9999999Z"

// entry is an Atom entry with a description.
type entry struct {
	path, title  string
	created      time.Time
	updated      time.Time
	kind, fields string // of the description
}

func (e entry) write(host string) string {
	return fmt.Sprintf(`<entry xmlns="http://www.w3.org/2005/Atom"><id>http://%s/%s?api-version=2024-05</id>`+
		`<title type="text">%s</title><published>%s</published><updated>%s</updated>`+
		`<author><name>%s</name></author><link rel="self" href="http://%s/%s?api-version=2024-05"/>`+
		`<content type="application/xml"><%s xmlns="%s" xmlns:i="%s">%s</%s></content></entry>`,
		escape(host), escape(e.path), escape(e.title), e.created.Format(timeFormat), e.updated.Format(timeFormat),
		namespaceName, escape(host), escape(e.path), e.kind, nsConnect, nsInstance, e.fields, e.kind)
}

// namespaceName is what Microsoft's emulator calls its namespace.
const namespaceName = "sbemulatorns"

func one(r *http.Request, status int, e entry) reply {
	return reply{status, "entry", e.write(r.Host)}
}

// feed writes a list. The title of the empty one tells a client that there is
// no such thing; the service has no 404 here.
func feed(r *http.Request, title string, entries []entry) reply {
	var b strings.Builder
	fmt.Fprintf(&b, `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">%s</title><id>http://%s%s</id><updated>%s</updated>`,
		escape(title), escape(r.Host), escape(r.URL.Path), time.Now().UTC().Format(timeFormat))
	for _, e := range entries {
		b.WriteString(e.write(r.Host))
	}
	b.WriteString("</feed>")
	return reply{http.StatusOK, "feed", b.String()}
}

func nothing(r *http.Request) reply { return feed(r, "Publicly Listed Services", nil) }

func newEntry(d broker.Description, fields string) entry {
	kinds := map[broker.Kind]string{
		broker.Queue: "QueueDescription", broker.Topic: "TopicDescription", broker.Subscription: "SubscriptionDescription",
	}
	title := d.Path
	if d.Kind == broker.Subscription {
		title = d.Name
	}
	return entry{d.Path, title, d.Created, d.Updated, kinds[d.Kind], fields}
}

func (h *Handler) namespace(r *http.Request) reply {
	at := h.created.UTC().Format(timeFormat)
	fields := fmt.Sprintf("<CreatedTime>%s</CreatedTime><MessagingSKU>Standard</MessagingSKU><ModifiedTime>%s</ModifiedTime>"+
		"<Name>%s</Name><NamespaceType>Messaging</NamespaceType>", at, at, namespaceName)
	return one(r, http.StatusOK, entry{"$namespaceinfo", namespaceName, h.created.UTC(), h.created.UTC(), "NamespaceInfo", fields})
}
