//go:build unix

// Package lambda_test asks the emulator of AWS, whichever is chosen, whether it
// runs Go functions as Lambda does.
package lambda_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/provingground/provingground/deploy/local/server/servertest"
)

func TestAGoFunctionAnswersFailsAndComesBackAfterItsProcessEnded(t *testing.T) {
	f := function{endpoint: servertest.Start(t, "aws").Env()["AWS_ENDPOINT_URL_LAMBDA"]}
	f.create(t, archive(t))
	f.want(t, `{"n":1}`, "", `{"n":1}`)
	f.want(t, `"fail"`, "Unhandled", "it was told to fail")
	f.want(t, `"exit"`, "Unhandled", "Runtime")
	f.want(t, `{"n":2}`, "", `{"n":2}`)
}

// archive is the zip that a deployment would upload.
func archive(t *testing.T) []byte {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./testdata/bootstrap")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// function is called by the API itself: one test is no reason for the SDK.
type function struct{ endpoint string }

func (f function) create(t *testing.T, code []byte) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"FunctionName": "echo", "Runtime": "provided.al2023", "Handler": "bootstrap",
		"Role": "arn:aws:iam::000000000000:role/echo", "Timeout": 10, "Code": map[string]any{"ZipFile": code},
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, answer := f.call(t, http.MethodPost, "", string(body)); status != http.StatusCreated {
		t.Fatalf("create: %d %s", status, answer)
	}
	var state struct{ State, StateReason string }
	for deadline := time.Now().Add(30 * time.Second); state.State != "Active"; time.Sleep(50 * time.Millisecond) {
		_, _, answer := f.call(t, http.MethodGet, "/echo/configuration", "")
		if err := json.Unmarshal([]byte(answer), &state); err != nil {
			t.Fatalf("%v in %s", err, answer)
		}
		if state.State == "Failed" || time.Now().After(deadline) {
			t.Fatalf("the function is %s: %s", state.State, state.StateReason)
		}
	}
}

func (f function) want(t *testing.T, event, failure, text string) {
	t.Helper()
	status, failed, answer := f.call(t, http.MethodPost, "/echo/invocations", event)
	var compact bytes.Buffer // emulators write the same JSON with and without spaces
	if err := json.Compact(&compact, []byte(answer)); err != nil {
		t.Errorf("%s: %v in %s", event, err, answer)
	}
	if status != http.StatusOK || failed != failure || !bytes.Contains(compact.Bytes(), []byte(text)) {
		t.Errorf("%s: %d, error %q, %s; want %q and an answer with %s", event, status, failed, answer, failure, text)
	}
}

func (f function) call(t *testing.T, method, path, body string) (status int, failed, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.endpoint+"/2015-03-31/functions"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	// Emulators take the service and the region from here, and check nothing.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=none")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("X-Amz-Function-Error"), string(raw)
}
