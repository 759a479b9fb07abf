package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// ReadJSON reads the body of a request that must be application/json and have
// at most limit bytes. Its errors are problems: 415, 413 and 400.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if err := JSONType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, TooLarge(limit)
	}
	if err != nil {
		return nil, Invalid("the body ended early")
	}
	return raw, nil
}

// JSONType returns a problem (415) unless the media type is application/json.
func JSONType(contentType string) error {
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "application/json" {
		return New(http.StatusUnsupportedMediaType, "unsupported-media-type", http.StatusText(http.StatusUnsupportedMediaType),
			"Send the body as application/json.")
	}
	return nil
}

// TooLarge returns the problem of a body over the limit: 413.
func TooLarge(limit int64) *Problem {
	return New(http.StatusRequestEntityTooLarge, "body-too-large", http.StatusText(http.StatusRequestEntityTooLarge),
		fmt.Sprintf("The body may have %d bytes.", limit))
}

// DecodeStrict decodes one JSON value and refuses, with a problem (400),
// unknown fields and anything after the value.
func DecodeStrict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return Invalid("the body is not the expected JSON: " + err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Invalid("the body has more than one JSON value")
	}
	return nil
}
