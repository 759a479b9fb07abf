package pubsubtest

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// Push, as on the page "Push subscriptions": a window of requests that opens
// with successes and closes with failures, and a pause after failures that
// doubles from 100 ms to 60 s. The sizes of the window are ours.
const (
	firstWindow = 3
	mostWindow  = 100
	firstPause  = 100 * time.Millisecond
	mostPause   = 60 * time.Second
)

// checkPush accepts http, too: the service wants https.
func checkPush(config *pubsubpb.PushConfig) error {
	endpoint := config.GetPushEndpoint()
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return status.Errorf(codes.InvalidArgument, "Invalid push endpoint given (endpoint=%s): want an absolute URL.", endpoint)
	}
	return nil
}

// pushers has a pusher for each subscription with an endpoint.
type pushers struct {
	engine *engine
	faults *faults
	tokens *tokens
	client *http.Client
	active map[*broker.Subscription]bool // guarded by the engine's lock
}

func newPushers(e *engine, f *faults, t *tokens, client *http.Client) *pushers {
	if client == nil {
		client = &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: mostWindow, IdleConnTimeout: 10 * time.Second},
		}
	}
	own := *client
	own.Timeout = 0
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &pushers{engine: e, faults: f, tokens: t, client: &own, active: map[*broker.Subscription]bool{}}
}

// start makes pushers for what was restored and what is woken from now on.
func (p *pushers) start() {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	p.engine.woken = p.woken
	p.woken(p.engine.broker.All())
}

// woken is called with the engine's lock held.
func (p *pushers) woken(subs []*broker.Subscription) {
	for _, s := range subs {
		if p.active[s] || !pushes(s) || p.engine.closed {
			continue
		}
		p.active[s] = true
		l := &listener{make(chan struct{}, 1)}
		if p.engine.listeners[s] == nil {
			p.engine.listeners[s] = map[*listener]struct{}{}
		}
		p.engine.listeners[s][l] = struct{}{}
		one := &pusher{pushers: p, sub: s, listener: l, window: firstWindow, finished: make(chan bool, mostWindow)}
		one.consumer = &broker.Consumer{Single: true}
		p.engine.running.Go(one.run)
	}
}

func pushes(s *broker.Subscription) bool {
	return !s.Gone() && s.Config().GetPushConfig().GetPushEndpoint() != ""
}

// pusher sends one subscription's messages to its endpoint.
type pusher struct {
	*pushers
	sub      *broker.Subscription
	consumer *broker.Consumer
	listener *listener
	finished chan bool // of each request: whether it was accepted

	window, sending, failures int
}

func (p *pusher) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var requests sync.WaitGroup
	defer func() {
		cancel()
		requests.Wait()
		p.engine.unlisten(p.sub, p.listener)
		p.client.CloseIdleConnections()
	}()
	for {
		deliveries, ok := p.take()
		if !ok {
			return
		}
		for _, d := range deliveries {
			p.sending++
			requests.Go(func() { p.push(ctx, d) })
		}
		if !p.wait() {
			return
		}
	}
}

// take leases what fits the window; false when there is nothing to push to any
// more.
func (p *pusher) take() ([]broker.Delivery, bool) {
	var deliveries []broker.Delivery
	goOn := false
	ticket, err := p.engine.begin(func(b *broker.Broker, now time.Time) error {
		if goOn = pushes(p.sub); !goOn {
			delete(p.active, p.sub)
			return nil
		}
		if free := p.window - p.sending; free > 0 {
			limit := broker.Limit{Messages: free, Bytes: batchBytes}
			deliveries = b.Pull(now, p.sub, p.consumer, limit)
		}
		return nil
	})
	if err != nil || !goOn || p.engine.durable(ticket) != nil {
		return nil, false
	}
	return deliveries, true
}

// wait returns true when there may be something to do.
func (p *pusher) wait() bool {
	select {
	case accepted := <-p.finished:
		p.sending--
		return p.adapt(accepted)
	case <-p.listener.woken:
	case <-p.engine.closing:
		return false
	}
	select { // a nack wakes the listener, but first it is a failure
	case accepted := <-p.finished:
		p.sending--
		return p.adapt(accepted)
	default:
		return true
	}
}

// adapt opens or closes the window, and pauses after a failure.
func (p *pusher) adapt(accepted bool) bool {
	if accepted {
		p.failures = 0
		p.window = min(p.window+1, mostWindow)
		return true
	}
	p.failures++
	p.window = max(1, p.window/2)
	reached, stop := p.engine.clock.At(p.engine.clock.Now().Add(pause(p.failures)))
	defer stop()
	select {
	case <-reached:
		return true
	case <-p.engine.closing:
		return false
	}
}

func pause(failures int) time.Duration {
	d := firstPause
	for range min(failures-1, 20) {
		d *= 2
	}
	return min(d, mostPause)
}

// push sends one message, reports how it went, and acknowledges or nacks it.
func (p *pusher) push(ctx context.Context, d broker.Delivery) {
	p.engine.mu.Lock()
	config := p.sub.Config()
	p.engine.mu.Unlock()
	deadline := time.Duration(config.GetAckDeadlineSeconds()) * time.Second
	reached, stop := p.engine.clock.At(p.engine.clock.Now().Add(deadline))
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-reached:
			cancel()
		case <-p.engine.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	accepted := p.post(ctx, config, d)
	p.finished <- accepted
	_ = p.engine.change(func(b *broker.Broker, now time.Time) error {
		if accepted {
			_, err := b.Acknowledge(now, p.sub, []string{d.AckID})
			return err
		}
		_, err := b.ModifyAckDeadline(now, p.sub, []string{d.AckID}, 0)
		return err
	})
}

func (p *pusher) post(ctx context.Context, config *pubsubpb.Subscription, d broker.Delivery) bool {
	request, err := p.request(ctx, config, d)
	if err != nil {
		return false
	}
	response, err := p.client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	}
	return false
}
