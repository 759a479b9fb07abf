package checkout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// errDeclined is the provider's last word on a charge.
var errDeclined = errors.New("payment declined")

// payTimeout bounds the call: below what Lambda and shoppers wait for. A charge
// without an answer is asked for again, with the same key.
const payTimeout = 2500 * time.Millisecond

// payments is the provider.
type payments struct {
	url    *url.URL
	client *http.Client
}

func newPayments(u *url.URL) *payments {
	return &payments{u, &http.Client{
		Timeout:   payTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second},
	}}
}

// charge takes the order's total. Its key is the order, so it is taken once however
// often it is asked for. An error that is not errDeclined says nothing about it.
func (p *payments) charge(ctx context.Context, order string, amount int64) (id string, err error) {
	raw, err := json.Marshal(map[string]any{"order": order, "amount": amount})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.JoinPath("charges").String(), bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", order)
	resp, err := p.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("charge: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return "", fmt.Errorf("charge: %w", err)
	}
	var answer struct{ ID, Status string }
	if err := json.Unmarshal(body, &answer); err != nil || resp.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("charge: the provider answers %s", resp.Status)
	}
	switch answer.Status {
	case "captured":
		return answer.ID, nil
	case "declined":
		return "", errDeclined
	}
	return "", fmt.Errorf("charge: status %.20q", answer.Status)
}
