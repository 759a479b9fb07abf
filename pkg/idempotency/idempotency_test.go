package idempotency_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/idempotency"
)

func TestKeyReadsOneWellFormedHeader(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   string
		err    error
	}{
		{"no header", nil, "", nil},
		{"a UUID", []string{"018f3a9e-7c1b-7d2e-9a4f-3b5c6d7e8f90"}, "018f3a9e-7c1b-7d2e-9a4f-3b5c6d7e8f90", nil},
		{"the shortest", []string{strings.Repeat("k", idempotency.MinKey)}, strings.Repeat("k", idempotency.MinKey), nil},
		{"the longest", []string{strings.Repeat("k", idempotency.MaxKey)}, strings.Repeat("k", idempotency.MaxKey), nil},
		{"both ends of visible ASCII", []string{"!!!!!!!!~~~~~~~~"}, "!!!!!!!!~~~~~~~~", nil},

		{"an empty value", []string{""}, "", idempotency.ErrMalformed},
		{"one too short", []string{strings.Repeat("k", idempotency.MinKey-1)}, "", idempotency.ErrMalformed},
		{"one too long", []string{strings.Repeat("k", idempotency.MaxKey+1)}, "", idempotency.ErrMalformed},
		{"a space", []string{"key with a space inside"}, "", idempotency.ErrMalformed},
		{"a control character", []string{"key-with-a-\x00-inside"}, "", idempotency.ErrMalformed},
		{"a delete character", []string{"key-with-a-\x7f-inside"}, "", idempotency.ErrMalformed},
		{"beyond ASCII", []string{"key-with-ü-inside-it"}, "", idempotency.ErrMalformed},
		{"two headers", []string{"one-of-two-equal-keys", "one-of-two-equal-keys"}, "", idempotency.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := idempotency.Key(http.Header{idempotency.Header: tt.values})
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Key(%q) = %q, %v; want %q, %v", tt.values, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestFingerprintTellsRequestsApart(t *testing.T) {
	seen := make(map[string][]string)
	for _, parts := range [][]string{
		nil,
		{""},
		{"", ""},
		{"ab", "c"},
		{"a", "bc"},
		{"abc"},
		{"POST", "/orders", `{"n":1}`},
		{"POST", "/orders", `{"n":2}`},
		{"POST", "/refunds", `{"n":1}`},
		{"PUT", "/orders", `{"n":1}`},
		{"1\x00a"}, // what the encoding of "a" looks like
		{"a"},
	} {
		print := idempotency.Fingerprint(parts...)
		if other, ok := seen[print]; ok {
			t.Errorf("Fingerprint(%q) = Fingerprint(%q) = %s", parts, other, print)
		}
		seen[print] = parts
	}
}

func TestFingerprintIsTheSameInEveryProcess(t *testing.T) {
	// Records outlive a release: this value is in tables.
	const want = "5Bf_i52lRi001O7yfkjVmpeAy2hztnKu8op1SKezW9I"
	if got := idempotency.Fingerprint("POST", "/orders", `{"n":1}`); got != want {
		t.Errorf("Fingerprint = %s, want %s", got, want)
	}
}
