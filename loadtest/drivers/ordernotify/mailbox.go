package ordernotify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxMailbox bounds what is read of the mailbox: 100,000 orders and more.
const maxMailbox = 256 << 20

// mailbox returns the mails of this run's customers that SES accepted, from the
// emulator's own list. (On AWS these would be SES's Send events.)
func (d *Driver) mailbox(ctx context.Context, endpoint string) (map[string][]mailing, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_ministack/ses/messages", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxMailbox))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", req.URL, resp.Status)
	}
	return d.sort(raw)
}

// stored is a mail in MiniStack's list.
type stored struct {
	To        []string
	BodyText  string
	Timestamp float64 // seconds since 1970
}

func (d *Driver) sort(raw []byte) (map[string][]mailing, error) {
	var list struct{ Messages map[string][]stored } // by account
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	found := make(map[string][]mailing)
	for _, m := range slices.Concat(slices.Collect(maps.Values(list.Messages))...) {
		if len(m.To) != 1 || !strings.HasSuffix(m.To[0], "@"+d.run+".example") {
			continue
		}
		_, reference, _ := strings.Cut(m.BodyText, "Reference: ")
		order, kind, ok := strings.Cut(strings.TrimSpace(reference), "/")
		if !ok {
			return nil, fmt.Errorf("mailbox: a mail to %s without a reference: %q", m.To[0], m.BodyText)
		}
		at := time.UnixMicro(int64(m.Timestamp * 1e6))
		found[m.To[0]] = append(found[m.To[0]], mailing{order, kind, at})
	}
	return found, nil
}
