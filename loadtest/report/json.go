package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// WriteJSON writes the report as indented JSON with a final newline.
func (r *Report) WriteJSON(w io.Writer) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

//go:embed schema.json
var schema []byte

// JSONSchema returns the JSON Schema (draft 2020-12) of what WriteJSON writes.
func JSONSchema() []byte { return slices.Clone(schema) }

// ReadJSON reads a report of this schema.
func ReadJSON(r io.Reader) (*Report, error) {
	var out Report
	if err := json.NewDecoder(r).Decode(&out); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if out.Schema != Schema {
		return nil, fmt.Errorf("report: schema %d, this program reads %d", out.Schema, Schema)
	}
	return &out, nil
}
