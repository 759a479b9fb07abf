package host_test

import (
	"reflect"
	"testing"

	"github.com/provingground/provingground/pkg/edge/internal/host"
)

func TestValuesComeBackAsTheyWere(t *testing.T) {
	for _, v := range []any{
		nil, true, false, int64(0), int64(-1), int64(1) << 40, 1.5, "", "text", "ümläut ✓",
		[]byte{0, 255},
		[]any{},
		[]any{int64(1), "two", []any{nil}},
		[]string{"one", "", "ümläut"},
		[]any{[]string{"a"}, "behind"},
		map[string]any{"a": int64(1), "b": "c"},
	} {
		raw, err := host.Append(nil, v)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		if got, err := host.Decode(raw); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v came back as %#v, %v", v, got, err)
		}
		for cut := range len(raw) {
			if got, err := host.Decode(raw[:cut]); err == nil && len(raw) > 1 && reflect.DeepEqual(got, v) && v != nil {
				t.Errorf("%#v, cut to %d bytes, is whole", v, cut)
			}
		}
	}
}

func TestOutsideWorkerdACallSaysSo(t *testing.T) {
	if _, err := host.Call(t.Context(), "op"); err != host.ErrNoEvent {
		t.Errorf("Call: %v", err)
	}
	if err := host.Serve(nil, nil); err != host.ErrNotInWorker {
		t.Errorf("Serve: %v", err)
	}
}
