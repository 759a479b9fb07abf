package d1

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
)

func TestABatchIsNamedForItsStatements(t *testing.T) {
	for body, want := range map[string]string{
		`{"sql":"SELECT a, b FROM items WHERE id = ?","params":[1]}`: "SELECT items",
		`[{"sql":"INSERT INTO keys (key) SELECT ? FROM items ON CONFLICT DO NOTHING"},
		  {"sql":"UPDATE items SET name = ?"},{"sql":"SELECT k.hash FROM keys k"}]`: "INSERT keys; UPDATE items; SELECT keys",
		`[{"sql":"delete from keys where 1"}]`: "DELETE keys",
		`[{"sql":"PRAGMA table_info(x)"}]`:     "PRAGMA",
		`{"sql":""}`:                           "",
		`no JSON`:                              "POST",
	} {
		if got := name(&http.Request{Method: "POST"}, []byte(body)); got != want {
			t.Errorf("%s is named %q, want %q", body, got, want)
		}
	}
}

func TestTheAnswerOfAnOverloadedDatabaseIsWhole(t *testing.T) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(overloaded(nil))), nil)
	if err != nil || resp.StatusCode != 500 || resp.ContentLength < 50 {
		t.Errorf("answer %v, %v", resp, err)
	}
}
