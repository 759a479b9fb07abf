package imageresize

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/provingground/provingground/pkg/sqsconsumer"
)

// Sweep says how the sweeper works.
type Sweep struct {
	Every time.Duration // between two passes
	// Grace is the age at which a version without a record is taken for lost. In a
	// backlog healthy ones get there, too: each is sent again at twice the age.
	Grace time.Duration
	Back  time.Duration // how far it looks back
}

// sweeper lists the accepted versions and sends an event for each that has no
// record: S3's own may have been lost. One too many costs a look at the record.
type sweeper struct {
	Sweep
	images  *images
	records *records
	queue   sqsconsumer.Queue
	metrics *metrics
	log     *slog.Logger
	sent    map[Version]time.Duration // the age at which it was sent last
}

const (
	listPage  = 1000
	maxResend = 1000 // versions that one pass sends
)

// run sweeps until ctx ends. Several may run; the first passes are spread.
func (s *sweeper) run(ctx context.Context) {
	s.sent = map[Version]time.Duration{}
	pause := time.Duration(rand.Int64N(int64(s.Every) + 1))
	for wait(ctx, pause) {
		if err := s.pass(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.log.Warn("sweep", "error", err)
		}
		pause = s.Every
	}
}

// pass looks at everything of the last hours. Keys begin with the hour of their
// permit, so older ones are not listed; what does not (somebody put it there by
// hand) comes after them and is.
func (s *sweeper) pass(ctx context.Context, now time.Time) error {
	at := cursor{key: uploadPrefix + now.Add(-s.Back).UTC().Format(hourLayout)}
	oldest, resent := time.Duration(0), 0
	seen := map[Version]time.Duration{}
	for {
		page, next, err := s.images.versions(ctx, uploadPrefix, at, listPage)
		if err != nil {
			return err
		}
		lost, err := s.lost(ctx, page, now)
		if err != nil {
			return err
		}
		for v, age := range lost {
			oldest = max(oldest, age)
			if last, before := s.sent[v]; before {
				seen[v] = last
				if age < 2*last {
					continue
				}
			}
			if resent++; resent <= maxResend {
				seen[v] = age
				if err := s.resend(ctx, v, age, now); err != nil {
					return err
				}
			}
		}
		if next.key == "" {
			break
		}
		at = next
	}
	s.sent = seen // what has a record by now is forgotten
	s.metrics.oldest.Set(oldest.Seconds())
	return nil
}

// lost returns those versions of a page that are old enough and have no record,
// with their ages.
func (s *sweeper) lost(ctx context.Context, page []types.ObjectVersion, now time.Time) (map[Version]time.Duration, error) {
	ages := map[Version]time.Duration{}
	var old []Version
	for _, o := range page {
		v := Version{Key: aws.ToString(o.Key), ID: aws.ToString(o.VersionId), ETag: strings.Trim(aws.ToString(o.ETag), `"`)}
		if age := now.Sub(aws.ToTime(o.LastModified)); age >= s.Grace && age <= s.Back {
			old = append(old, v)
			ages[v] = age
		}
	}
	missing, err := s.records.missing(ctx, old)
	if err != nil {
		return nil, err
	}
	found := make(map[Version]time.Duration, len(missing))
	for _, v := range missing {
		found[v] = ages[v]
	}
	return found, nil
}

func (s *sweeper) resend(ctx context.Context, v Version, age time.Duration, now time.Time) error {
	body, err := lostEvent(s.images.uploads, v, now)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = s.queue.Client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &s.queue.URL, MessageBody: &body,
		MessageAttributes: map[string]sqstypes.MessageAttributeValue{
			"swept-at-age": {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(int(age.Seconds())))},
		},
	})
	if err != nil {
		s.metrics.swept.WithLabelValues("failed").Inc()
		return fmt.Errorf("send the event of %s version %s: %w", v.Key, v.ID, err)
	}
	s.metrics.swept.WithLabelValues("sent").Inc()
	s.log.Info("event sent again", "key", v.Key, "version", v.ID, "age", age.Round(time.Second).String())
	return nil
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
