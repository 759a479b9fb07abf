package aws

import (
	"encoding/json"
	"reflect"
	"testing"
)

// sameJSON compares two JSON texts.
func sameJSON(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v: %s", what, err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("%s = %s, want %s", what, got, want)
	}
}

func TestFailedRecordsStandInTheirPlaces(t *testing.T) {
	left, change := partial{every: 2}.change("PutRecords", []byte(`{"StreamName":"clicks","Records":[{"Data":"AA==","PartitionKey":"a"},{"Data":"AQ==","PartitionKey":"b"},{"Data":"Ag==","PartitionKey":"c"}]}`))
	sameJSON(t, "request", left, `{"StreamName":"clicks","Records":[{"Data":"AA==","PartitionKey":"a"},{"Data":"Ag==","PartitionKey":"c"}]}`)
	answer, err := change([]byte(`{"FailedRecordCount":0,"EncryptionType":"NONE","Records":[{"SequenceNumber":"1","ShardId":"s"},{"SequenceNumber":"3","ShardId":"s"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, "answer", answer, `{"FailedRecordCount":1,"EncryptionType":"NONE","Records":[{"SequenceNumber":"1","ShardId":"s"},
		{"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded for shard"},{"SequenceNumber":"3","ShardId":"s"}]}`)
}

func TestAllEventsFailWithoutBeingForwarded(t *testing.T) {
	left, change := partial{every: 1}.change("PutEvents", []byte(`{"Entries":[{"Source":"a"},{"Source":"b"}]}`))
	if left != nil {
		t.Errorf("forwarded %s", left)
	}
	answer, err := change(nil)
	if err != nil {
		t.Fatal(err)
	}
	failure := `{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded"}`
	sameJSON(t, "answer", answer, `{"FailedEntryCount":2,"Entries":[`+failure+`,`+failure+`]}`)
}
