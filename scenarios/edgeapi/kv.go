package edgeapi

import (
	"context"
	"time"

	"github.com/provingground/provingground/pkg/edge/kv"
)

// KV holds the settings in a namespace: read everywhere out of the colo's memory,
// and up to a minute old there.
type KV struct{ Binding string }

const (
	settingsKey = "settings"
	settingsFor = time.Minute // the shortest that KV takes is 30 s
)

// Settings implements Settings.
func (k KV) Settings(ctx context.Context) ([]byte, error) {
	doc, err := kv.Namespace(k).Get(ctx, settingsKey, settingsFor)
	if err != nil || doc == nil {
		return []byte("{}"), err
	}
	return doc, nil
}

// SetSettings implements Settings.
func (k KV) SetSettings(ctx context.Context, doc []byte) error {
	return kv.Namespace(k).Put(ctx, settingsKey, doc)
}
