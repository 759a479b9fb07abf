package ordernotify

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/smithy-go"
)

var (
	errRejected    = errors.New("SES rejects the mail")    // for good
	errNotAccepted = errors.New("SES has not accepted it") // not now
)

// mailer sends through the classic API of SES, without the SDK's retries: each
// repetition of a send whose answer was lost is a second mail.
type mailer struct {
	client           *ses.Client
	from             string
	configurationSet string
}

// send returns SES's message id, before ctx ends. errRejected and errNotAccepted are definite; of
// any other error nobody knows whether the mail goes out.
func (m *mailer) send(ctx context.Context, c claim, e event) (string, error) {
	subject, body := text(c, e)
	out, err := m.client.SendEmail(ctx, &ses.SendEmailInput{
		Source:               &m.from,
		Destination:          &types.Destination{ToAddresses: []string{c.address}},
		ConfigurationSetName: &m.configurationSet,
		Tags:                 []types.MessageTag{tag("order", c.order), tag("kind", c.kind)},
		Message: &types.Message{
			Subject: &types.Content{Data: &subject, Charset: aws.String("UTF-8")},
			Body:    &types.Body{Text: &types.Content{Data: &body, Charset: aws.String("UTF-8")}},
		},
	})
	if err == nil {
		return aws.ToString(out.MessageId), nil
	}
	return "", classified(err)
}

func tag(name, value string) types.MessageTag { return types.MessageTag{Name: &name, Value: &value} }

// referenceMark begins the last line of a mail.
const referenceMark = "Reference: "

// text is the mail. The last line is for a machine: support, and the stand-in for
// SES's events, tell by it which mail this is.
func text(c claim, e event) (subject, body string) {
	about := map[string]string{
		"received":     "We have received your order",
		"confirmed":    "Your order is confirmed",
		"out-of-stock": "We are sorry: your order is out of stock",
	}[c.kind]
	subject = fmt.Sprintf("%s %s", about, c.order)
	body = fmt.Sprintf("%s: %d × %s.\n\n%s%s/%s\n", about, e.Data.Quantity, e.Data.Product, referenceMark, c.order, c.kind)
	return subject, body
}

// classified tells what an error of SES says about the mail. An answer with a
// status below 500 was no acceptance; 429 and throttling ask to come again.
func classified(err error) error {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		return err
	}
	status := answer.HTTPStatusCode()
	var named smithy.APIError
	throttled := errors.As(err, &named) && (named.ErrorCode() == "Throttling" || named.ErrorCode() == "ThrottlingException")
	switch {
	case throttled, status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", errNotAccepted, err)
	case status >= 400 && status < 500:
		return fmt.Errorf("%w: %w", errRejected, err)
	}
	return err
}
