package aws

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// fields is a JSON object of which only some members are looked at; the others
// keep their bytes.
type fields map[string]json.RawMessage

func (f fields) get(key string, into any) error {
	if raw, ok := f[key]; ok {
		return json.Unmarshal(raw, into)
	}
	return nil
}

// with returns the object as bytes with one member replaced.
func (f fields) with(key string, value any) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	changed := maps.Clone(f)
	if changed == nil {
		changed = fields{}
	}
	changed[key] = raw
	return json.Marshal(changed)
}

// answerFields parses an answer; nil is an empty one.
func answerFields(body []byte) (fields, error) {
	f := fields{}
	if body == nil {
		return f, nil
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, fmt.Errorf("aws: answer to a batch: %w", err)
	}
	return f, nil
}

// unprocessed changes the batches of DynamoDB: requests by table, for reads one
// level deeper under Keys.
func (p partial) unprocessed(action string, body []byte) ([]byte, func([]byte) ([]byte, error)) {
	request := fields{}
	tables := map[string]json.RawMessage{}
	if json.Unmarshal(body, &request) != nil || request.get("RequestItems", &tables) != nil {
		return nil, nil
	}
	kept, failed := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	index := 0
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		var err error
		if action == "BatchGetItem" {
			err = p.splitKeys(&index, table, tables[table], kept, failed)
		} else {
			err = p.splitList(&index, table, tables[table], kept, failed)
		}
		if err != nil {
			return nil, nil
		}
	}
	if len(failed) == 0 || len(kept) == 0 {
		return nil, nil
	}
	left, err := request.with("RequestItems", kept)
	if err != nil {
		return nil, nil
	}
	member := map[string]string{"BatchWriteItem": "UnprocessedItems", "BatchGetItem": "UnprocessedKeys"}[action]
	return left, func(answer []byte) ([]byte, error) {
		f, err := answerFields(answer)
		if err != nil {
			return nil, err
		}
		return f.with(member, failed) // an emulator never has some of its own
	}
}

// splitList spares the very first entry.
func (p partial) splitList(index *int, table string, raw json.RawMessage, kept, failed map[string]json.RawMessage) error {
	var entries, keep, fail []json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return err
	}
	for _, e := range entries {
		if p.fails(*index) && *index > 0 {
			fail = append(fail, e)
		} else {
			keep = append(keep, e)
		}
		*index++
	}
	return errors.Join(put(kept, table, keep), put(failed, table, fail))
}

func (p partial) splitKeys(index *int, table string, raw json.RawMessage, kept, failed map[string]json.RawMessage) error {
	request := fields{}
	if err := json.Unmarshal(raw, &request); err != nil {
		return err
	}
	keep, fail := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := p.splitList(index, "Keys", request["Keys"], keep, fail); err != nil {
		return err
	}
	return errors.Join(request.under(table, keep["Keys"], kept), request.under(table, fail["Keys"], failed))
}

// under adds the request with some keys to the tables of a batch.
func (f fields) under(table string, keys json.RawMessage, tables map[string]json.RawMessage) error {
	if keys == nil {
		return nil
	}
	whole, err := f.with("Keys", keys)
	tables[table] = whole
	return err
}

func put(m map[string]json.RawMessage, key string, list []json.RawMessage) error {
	if len(list) == 0 {
		return nil
	}
	raw, err := json.Marshal(list)
	m[key] = raw
	return err
}

// byID changes the batches of SQS.
func (p partial) byID(body []byte) ([]byte, func([]byte) ([]byte, error)) {
	request := fields{}
	var entries []json.RawMessage
	if json.Unmarshal(body, &request) != nil || request.get("Entries", &entries) != nil {
		return nil, nil
	}
	kept, failed := split(p, entries)
	if len(failed) == 0 {
		return nil, nil
	}
	change := func(answer []byte) ([]byte, error) { return addFailed(answer, failed) }
	if len(kept) == 0 {
		return nil, change
	}
	left, err := request.with("Entries", kept)
	if err != nil {
		return nil, nil
	}
	return left, change
}

type failedEntry struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

func addFailed(answer []byte, entries []json.RawMessage) ([]byte, error) {
	f, err := answerFields(answer)
	if err != nil {
		return nil, err
	}
	var failed []failedEntry
	if err := f.get("Failed", &failed); err != nil {
		return nil, err
	}
	for _, raw := range entries {
		var e struct {
			ID string `json:"Id"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		failed = append(failed, failedEntry{ID: e.ID, Code: "InternalError", Message: "Internal Error"})
	}
	if f["Successful"] == nil {
		f["Successful"] = json.RawMessage("[]")
	}
	return f.with("Failed", failed)
}

// readAll reads a body that is held already.
func readAll(body io.ReadCloser) ([]byte, error) {
	defer body.Close()
	return io.ReadAll(body)
}
