package aws

import (
	"encoding/json"
	"errors"
)

// placedKind is a batch whose answer has one result for each entry, in its place.
type placedKind struct {
	action          string
	entries         string // in the request
	results         string // in the answer
	failures        string // how many
	code, explained string
}

func placedKinds() []placedKind {
	return []placedKind{
		{"PutRecords", "Records", "Records", "FailedRecordCount", "ProvisionedThroughputExceededException", "Rate exceeded for shard"},
		{"PutRecordBatch", "Records", "RequestResponses", "FailedPutCount", "ServiceUnavailableException", "Slow down."},
		{"PutEvents", "Entries", "Entries", "FailedEntryCount", "ThrottlingException", "Rate exceeded"},
	}
}

func (p partial) placed(k placedKind, body []byte) ([]byte, func([]byte) ([]byte, error)) {
	request := fields{}
	var entries []json.RawMessage
	if json.Unmarshal(body, &request) != nil || request.get(k.entries, &entries) != nil {
		return nil, nil
	}
	kept, failed := split(p, entries)
	if len(failed) == 0 {
		return nil, nil
	}
	change := func(answer []byte) ([]byte, error) { return p.place(k, answer, len(entries)) }
	if len(kept) == 0 {
		return nil, change
	}
	left, err := request.with(k.entries, kept)
	if err != nil {
		return nil, nil
	}
	return left, change
}

// place puts the failures between the results of what was forwarded.
func (p partial) place(k placedKind, answer []byte, entries int) ([]byte, error) {
	f, err := answerFields(answer)
	if err != nil {
		return nil, err
	}
	var results []json.RawMessage
	var count int
	if err := errors.Join(f.get(k.results, &results), f.get(k.failures, &count)); err != nil {
		return nil, err
	}
	failure, err := json.Marshal(map[string]string{"ErrorCode": k.code, "ErrorMessage": k.explained})
	if err != nil {
		return nil, err
	}
	placed := make([]json.RawMessage, 0, entries)
	for i := range entries {
		switch {
		case p.fails(i):
			placed = append(placed, failure)
			count++
		case len(results) > 0:
			placed = append(placed, results[0])
			results = results[1:]
		}
	}
	if f[k.failures], err = json.Marshal(count); err != nil {
		return nil, err
	}
	return f.with(k.results, placed)
}
