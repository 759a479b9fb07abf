package ordernotify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// StandIn publishes the Send events that SES publishes by itself and MiniStack
// does not. It is a stand-in, for the local cloud alone: it reads the emulator's
// mailbox and says of each mail in it what SES would have said. MiniStack drops the
// tags of a mail and its list does not show the configuration set, so order and kind
// come from the last line, and a mail without one is nobody's.
type StandIn struct {
	Mailbox          *url.URL      // the emulator's list of mails
	Topic            string        // ARN, of the configuration set's event destination
	ConfigurationSet string        // that the mails are sent with
	Every            time.Duration // between two looks; more while a look takes long
}

// RunStandIn publishes events until ctx ends.
func RunStandIn(ctx context.Context, p *Process, client *sns.Client, s StandIn) error {
	p.metrics = newMetrics()
	l := &looker{
		StandIn: s, sns: client, metrics: p.metrics, log: p.Log, http: &http.Client{Timeout: 30 * time.Second},
		since: time.Now().Add(-fresh), seen: map[string]int{},
	}
	return p.serve(ctx, nothing(), nothing(), func(ctx context.Context) error { l.run(ctx); return nil })
}

const (
	// fresh is how old a mail may be at the start: SES tells of a mail once, soon.
	fresh = time.Minute
	// One part of so many of the emulator's time may go into looking: it answers nobody
	// else meanwhile, and its list grows.
	share = 10
)

// errNoMailbox says that this is another emulator, or AWS: there is nothing to
// stand in for.
var errNoMailbox = errors.New("this SES has no list of mails to look at")

// looker is a stand-in at work.
type looker struct {
	StandIn
	sns     *sns.Client
	http    *http.Client
	metrics *metrics
	log     *slog.Logger
	since   time.Time
	seen    map[string]int // mails told of, by account: the lists only grow
}

func (l *looker) run(ctx context.Context) {
	for pause := l.Every; ; {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		took, err := l.look(ctx)
		if err != nil && ctx.Err() == nil {
			l.log.Warn("stand-in for SES's events", "error", err)
		}
		pause = max(l.Every, share*took)
	}
}

// look tells of the mails that are new, and returns how long the mailbox took. What
// could not be told is new again.
func (l *looker) look(ctx context.Context) (took time.Duration, err error) {
	begin := time.Now()
	all, err := l.mails(ctx)
	took = time.Since(begin)
	if err != nil {
		return took, err
	}
	for account, mails := range all {
		if l.seen[account] > len(mails) {
			l.seen[account] = 0 // the emulator has begun anew
		}
		told, err := l.tell(ctx, mails[l.seen[account]:])
		l.seen[account] += told
		if err != nil {
			return took, err
		}
	}
	return took, nil
}

// mails returns all that the emulator accepted, by account.
func (l *looker) mails(ctx context.Context) (map[string][]acceptedMail, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Mailbox.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, errNoMailbox
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("mailbox: %s", resp.Status)
	}
	var list struct{ Messages map[string][]acceptedMail }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	return list.Messages, nil
}

// acceptedMail is a mail in MiniStack's list.
type acceptedMail struct {
	MessageID string
	Source    string
	To        []string
	BodyText  string
	Timestamp float64 // seconds since 1970
}

// tell publishes ten by ten, and returns how many mails are done with: those before
// the first that failed. The ones behind it may be told of twice, which SES does, too.
func (l *looker) tell(ctx context.Context, all []acceptedMail) (told int, err error) {
	batches := slices.Collect(slices.Chunk(all, snsBatch))
	failed := make([]error, len(batches))
	calls := make(chan struct{}, snsParallel)
	var telling sync.WaitGroup
	for i, batch := range batches {
		calls <- struct{}{}
		telling.Go(func() {
			defer func() { <-calls }()
			failed[i] = l.tellTen(ctx, batch)
		})
	}
	telling.Wait()
	for i, err := range failed {
		if err != nil {
			return told, err
		}
		told += len(batches[i])
	}
	return told, nil
}

func (l *looker) tellTen(ctx context.Context, all []acceptedMail) error {
	in := &sns.PublishBatchInput{TopicArn: &l.Topic}
	for _, m := range all {
		body, ok := l.event(m)
		if !ok {
			continue
		}
		id := fmt.Sprint(len(in.PublishBatchRequestEntries))
		in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, types.PublishBatchRequestEntry{Id: &id, Message: &body})
	}
	if len(in.PublishBatchRequestEntries) == 0 {
		return nil
	}
	out, err := l.sns.PublishBatch(ctx, in)
	if err != nil {
		return fmt.Errorf("publish %d events: %w", len(in.PublishBatchRequestEntries), err)
	}
	if len(out.Failed) > 0 {
		return fmt.Errorf("publish: %s", aws.ToString(out.Failed[0].Code))
	}
	l.metrics.published.WithLabelValues("published").Add(float64(len(in.PublishBatchRequestEntries)))
	return nil
}

// event returns what SES would publish, and false for a mail that is older than
// this process or without order and kind.
func (l *looker) event(m acceptedMail) (string, bool) {
	at := time.UnixMicro(int64(m.Timestamp * 1e6)).UTC()
	_, reference, _ := strings.Cut(m.BodyText, referenceMark)
	order, kind, ok := strings.Cut(strings.TrimSpace(reference), "/")
	if !ok || at.Before(l.since) {
		return "", false
	}
	body, err := json.Marshal(map[string]any{
		"eventType": "Send",
		"mail": map[string]any{
			"timestamp": at, "source": m.Source, "messageId": m.MessageID, "destination": m.To,
			"tags": map[string][]string{"ses:configuration-set": {l.ConfigurationSet}, "order": {order}, "kind": {kind}},
		},
		"send": map[string]any{},
	})
	return string(body), err == nil
}
