package edgeroom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// increment is the body of one.
type increment struct {
	key string
	By  int64 `json:"by"`
}

// readIncrement wants a key; a body is not needed.
func readIncrement(r *http.Request) (increment, error) {
	in := increment{key: r.Header.Get("Idempotency-Key"), By: 1}
	if err := checkKey("Idempotency-Key", in.key); err != nil {
		return in, err
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 1<<10))
	if err != nil {
		return in, &Invalid{"the body is longer than 1 KiB, or was cut short"}
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &in); err != nil {
			return in, &Invalid{"the body is no JSON object with a number \"by\""}
		}
	}
	if in.By < 1 || in.By > MaxBy {
		return in, &Invalid{fmt.Sprintf("by is %d, want 1 to %d", in.By, MaxBy)}
	}
	return in, nil
}

// checkKey wants printable ASCII without spaces.
func checkKey(what, key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return &Invalid{fmt.Sprintf("%s has %d bytes, want 1 to %d", what, len(key), MaxKey)}
	}
	for _, b := range []byte(key) {
		if b <= ' ' || b > '~' {
			return &Invalid{what + " holds other characters than printable ASCII"}
		}
	}
	return nil
}

// checkName wants what a path can hold as it is.
func checkName(name string) error {
	strange := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-")
	if len(name) == 0 || len(name) > MaxName || strange != "" {
		return &Invalid{fmt.Sprintf("a name has 1 to %d characters of a to z, 0 to 9 and -", MaxName)}
	}
	return nil
}

// problem is what went wrong, as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// reply answers with a value, or with what went wrong.
func reply(w http.ResponseWriter, v any, err error) {
	var invalid *Invalid
	switch {
	case err == nil:
		write(w, http.StatusOK, "application/json", v)
	case errors.As(err, &invalid):
		refuse(w, http.StatusBadRequest, "invalid", invalid.Why)
	case errors.Is(err, ErrKeyReused):
		refuse(w, http.StatusUnprocessableEntity, "key-reused", err.Error())
	case errors.Is(err, ErrFull):
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "full", err.Error())
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "busy", err.Error())
	default:
		// Whether it happened, nobody knows: the same key tells.
		refuse(w, http.StatusGatewayTimeout, "unknown", "the object did not answer")
	}
}

func refuse(w http.ResponseWriter, status int, kind, detail string) {
	write(w, status, "application/problem+json", problem{
		Type: "/problems/" + kind, Title: http.StatusText(status), Status: status, Detail: detail,
	})
}

func write(w http.ResponseWriter, status int, kind string, v any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}
