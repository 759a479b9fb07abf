// Package topology makes the topics and subscriptions that a file describes, the
// same on Google Cloud and on a local server.
//
// The file is JSON with two lists, "topics" and "subscriptions", of what the
// REST API calls Topic and Subscription, every field spelled as there. Names are
// short; the project is added. ${NAME} in a push endpoint, its token's audience
// or its service account stands for what only a deployment knows.
package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/encoding/protojson"
)

// MaxFile is the size of the largest file that Parse takes.
const MaxFile = 1 << 20

// Topology is what a file says, with full names.
type Topology struct {
	Topics        []*pubsubpb.Topic
	Subscriptions []*pubsubpb.Subscription
}

// Parse reads a file for a project. Variables holds what ${NAME} stands for; a
// name that it lacks is an error. So is whatever the API would refuse later, or
// would accept and lose messages by: a topic that the file does not make, a name
// twice, and a dead-letter topic without a subscription.
func Parse(raw []byte, project string, variables map[string]string) (*Topology, error) {
	if len(raw) > MaxFile {
		return nil, fmt.Errorf("topology: the file has %d bytes, at most %d are read", len(raw), MaxFile)
	}
	var file struct{ Topics, Subscriptions []json.RawMessage }
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	p := parser{project: project, variables: variables, made: map[string]bool{}, t: &Topology{}}
	for _, each := range file.Topics {
		if err := p.topic(each); err != nil {
			return nil, fmt.Errorf("topology: %w", err)
		}
	}
	for _, each := range file.Subscriptions {
		if err := p.subscription(each); err != nil {
			return nil, fmt.Errorf("topology: %w", err)
		}
	}
	if err := p.heard(); err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	return p.t, nil
}

type parser struct {
	project   string
	variables map[string]string
	made      map[string]bool // full names
	t         *Topology
}

func (p *parser) topic(raw []byte) error {
	topic := &pubsubpb.Topic{}
	if err := protojson.Unmarshal(raw, topic); err != nil {
		return fmt.Errorf("a topic: %w", err)
	}
	var err error
	if topic.Name, err = p.make("topics", topic.Name); err != nil {
		return err
	}
	p.t.Topics = append(p.t.Topics, topic)
	return nil
}

func (p *parser) subscription(raw []byte) error {
	s := &pubsubpb.Subscription{}
	if err := protojson.Unmarshal(raw, s); err != nil {
		return fmt.Errorf("a subscription: %w", err)
	}
	short := s.Name
	var err error
	if s.Name, err = p.make("subscriptions", short); err != nil {
		return err
	}
	if s.Topic, err = p.known(s.Topic); err != nil {
		return fmt.Errorf("subscription %s: %w", short, err)
	}
	if policy := s.DeadLetterPolicy; policy != nil {
		if policy.DeadLetterTopic, err = p.known(policy.DeadLetterTopic); err != nil {
			return fmt.Errorf("dead letters of subscription %s: %w", short, err)
		}
	}
	if err := p.expand(s.PushConfig); err != nil {
		return fmt.Errorf("subscription %s: %w", short, err)
	}
	p.t.Subscriptions = append(p.t.Subscriptions, s)
	return nil
}

// make returns the full name of a resource that is not there yet.
func (p *parser) make(kind, short string) (string, error) {
	// As the reference of Topic and Subscription puts it.
	if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.~+%-]{2,254}$`).MatchString(short) || strings.HasPrefix(short, "goog") {
		return "", fmt.Errorf("%q is no short name for one of the %s: 3 to 255 letters, digits and -_.~+%%, a letter first, not goog", short, kind)
	}
	full := "projects/" + p.project + "/" + kind + "/" + short
	if p.made[full] {
		return "", fmt.Errorf("%s is there twice among the %s", short, kind)
	}
	p.made[full] = true
	return full, nil
}

// known returns the full name of a topic of the file.
func (p *parser) known(short string) (string, error) {
	full := "projects/" + p.project + "/topics/" + short
	if !p.made[full] {
		return "", fmt.Errorf("topic %q is not in the file", short)
	}
	return full, nil
}

func (p *parser) expand(push *pubsubpb.PushConfig) error {
	if push == nil {
		return nil
	}
	var missing []error
	lookup := func(name string) string {
		value, found := p.variables[name]
		if !found {
			missing = append(missing, fmt.Errorf("nothing says what ${%s} is", name))
		}
		return value
	}
	push.PushEndpoint = os.Expand(push.PushEndpoint, lookup)
	if token := push.GetOidcToken(); token != nil {
		token.Audience = os.Expand(token.Audience, lookup)
		token.ServiceAccountEmail = os.Expand(token.ServiceAccountEmail, lookup)
	}
	return errors.Join(missing...)
}

// heard wants a subscription of every dead-letter topic: without one the service
// drops what it forwards.
func (p *parser) heard() error {
	listened := map[string]bool{}
	for _, s := range p.t.Subscriptions {
		listened[s.Topic] = true
	}
	for _, s := range p.t.Subscriptions {
		if dead := s.GetDeadLetterPolicy().GetDeadLetterTopic(); dead != "" && !listened[dead] {
			return fmt.Errorf("%s forwards dead letters to %s, which has no subscription: they would be lost", s.Name, dead)
		}
	}
	return nil
}
