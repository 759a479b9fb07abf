//go:build unix

package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	runtime "github.com/aws/aws-lambda-go/lambda"

	"github.com/provingground/provingground/deploy/local/lambda"
	"github.com/provingground/provingground/pkg/lambdahttp"
)

// TestMain makes this program a function where a host runs it.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	switch os.Getenv("MODE") {
	case "stillborn":
		os.Exit(3)
	case "marked":
		if f, err := os.CreateTemp(os.Getenv("MARKS"), "*"); err != nil || f.Close() != nil {
			os.Exit(4)
		}
	case "http":
		runtime.Start(lambdahttp.Wrap(http.HandlerFunc(page)))
	}
	requests := 0
	runtime.Start(func(ctx context.Context, ask asked) (told, error) {
		requests++
		return answer(ctx, ask, requests)
	})
}

// asked and told are what the function of the tests takes and gives.
type asked struct {
	Do      string
	Release string // a file that is waited for
}

type told struct {
	PID, Requests int
	Name          string
	Deadline      bool
	Secret        string
}

func answer(ctx context.Context, ask asked, requests int) (told, error) {
	switch ask.Do {
	case "fail":
		return told{}, errors.New("it is broken")
	case "panic":
		panic("it is broken")
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "wait":
		for {
			if _, err := os.Stat(ask.Release); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	_, deadline := ctx.Deadline()
	return told{os.Getpid(), requests, os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), deadline, os.Getenv("NOT_FOR_FUNCTIONS")}, nil
}

func start(t *testing.T, f lambda.Function) *lambda.Host {
	t.Helper()
	f.Name = "echo"
	var err error
	if f.Path, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if f.Timeout == 0 {
		f.Timeout = time.Minute
	}
	h, err := lambda.Start(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func ask(t *testing.T, h *lambda.Host, a asked) (told, error) {
	t.Helper()
	payload, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := h.Invoke(t.Context(), payload)
	if err != nil {
		return told{}, err
	}
	var got told
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("answer %q: %v", raw, err)
	}
	return got, nil
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func TestAnEnvironmentIsUsedAgain(t *testing.T) {
	t.Setenv("NOT_FOR_FUNCTIONS", "secret")
	h := start(t, lambda.Function{})
	first, err := ask(t, h, asked{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := ask(t, h, asked{})
	if err != nil {
		t.Fatal(err)
	}
	if first.PID != second.PID || second.Requests != 2 || first.Name != "echo" || !first.Deadline {
		t.Errorf("answers %+v, %+v; want one process that knows its name and a deadline", first, second)
	}
	if first.Secret != "" {
		t.Error("the function got a variable of ours")
	}
	if s := h.Stats(); s.ColdStarts != 1 || s.Environments != 1 {
		t.Errorf("stats %+v, want one cold start", s)
	}
}

// held holds n requests in the function until the test releases them.
func held(t *testing.T, h *lambda.Host, n int) (release func() []told) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "release")
	got := make([]told, n)
	var asking sync.WaitGroup
	for i := range n {
		asking.Go(func() {
			var err error
			if got[i], err = ask(t, h, asked{Do: "wait", Release: file}); err != nil {
				t.Error(err)
			}
		})
	}
	return sync.OnceValue(func() []told {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Error(err)
		}
		asking.Wait()
		return got
	})
}

func TestRequestsAtOnceHaveEnvironmentsOfTheirOwnUpToTheConcurrency(t *testing.T) {
	h := start(t, lambda.Function{Concurrency: 3})
	release := held(t, h, 3)
	defer release()
	eventually(t, "three environments run", func() bool { return h.Stats().Environments == 3 })
	if _, err := ask(t, h, asked{}); !errors.Is(err, lambda.ErrThrottled) {
		t.Errorf("a fourth request: %v, want that it is throttled", err)
	}
	pids := map[int]bool{}
	for _, g := range release() {
		pids[g.PID] = true
	}
	if len(pids) != 3 {
		t.Errorf("%d processes for three requests at once", len(pids))
	}
	if _, err := ask(t, h, asked{}); err != nil {
		t.Errorf("a request after that: %v", err)
	}
	if s := h.Stats(); s.ColdStarts != 3 || s.Throttled != 1 {
		t.Errorf("stats %+v, want three cold starts and one that was throttled", s)
	}
}

func TestAFailureIsTheFunctionsAndWhatEndedIsReplaced(t *testing.T) {
	for _, tt := range []struct{ do, kind, message string }{
		{"fail", "errorString", "it is broken"},
		{"panic", "string", "it is broken"},
		{"exit", "Runtime.ExitError", "the process ended"},
	} {
		t.Run(tt.do, func(t *testing.T) {
			t.Parallel()
			h := start(t, lambda.Function{})
			var failed *lambda.FunctionError
			if _, err := ask(t, h, asked{Do: tt.do}); !errors.As(err, &failed) || failed.Type != tt.kind || !strings.Contains(failed.Message, tt.message) {
				t.Errorf("request that does %s: %v, want %s: %s", tt.do, err, tt.kind, tt.message)
			}
			if _, err := ask(t, h, asked{}); err != nil {
				t.Errorf("the request after that: %v", err)
			}
		})
	}
}

func TestARequestThatTakesTooLongEndsItsEnvironment(t *testing.T) {
	h := start(t, lambda.Function{Timeout: 300 * time.Millisecond})
	var failed *lambda.FunctionError
	if _, err := ask(t, h, asked{Do: "hang"}); !errors.As(err, &failed) || failed.Type != "Sandbox.Timedout" {
		t.Errorf("a request that hangs: %v, want Sandbox.Timedout", err)
	}
	if n := h.Stats().Environments; n != 0 {
		t.Errorf("%d environments are left, want none", n)
	}
}

func TestAProgramThatDoesNotBeginFailsTheRequest(t *testing.T) {
	h := start(t, lambda.Function{Env: []string{"MODE=stillborn"}})
	var failed *lambda.FunctionError
	if _, err := ask(t, h, asked{}); !errors.As(err, &failed) || failed.Type != "Runtime.ExitError" {
		t.Errorf("request to a program that ends at once: %v, want Runtime.ExitError", err)
	}
	if _, err := lambda.Start(lambda.Function{Name: "none", Path: "/no/such/program"}); err == nil {
		t.Error("a function without a program is started")
	}
}

func TestAnEnvironmentThatNobodyUsesIsEnded(t *testing.T) {
	h := start(t, lambda.Function{Idle: 50 * time.Millisecond})
	first, err := ask(t, h, asked{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the environment is ended", func() bool { return h.Stats() == lambda.Stats{ColdStarts: 1, Ended: 1} })
	second, err := ask(t, h, asked{})
	if err != nil || second.PID == first.PID {
		t.Errorf("the request after that: %+v, %v; want another process than %d", second, err, first.PID)
	}
}

func TestProvisionedEnvironmentsAreThereBeforeAndStay(t *testing.T) {
	h := start(t, lambda.Function{Provisioned: 2, Concurrency: 3, Idle: 50 * time.Millisecond})
	release := held(t, h, 3)
	eventually(t, "the third is a cold start", func() bool { return h.Stats() == lambda.Stats{Environments: 3, ColdStarts: 1} })
	release()
	eventually(t, "the third is ended, and no other", func() bool { return h.Stats() == lambda.Stats{Environments: 2, ColdStarts: 1, Ended: 1} })
	if _, err := ask(t, h, asked{}); err != nil {
		t.Fatal(err)
	}
	if n := h.Stats().Environments; n != 2 {
		t.Errorf("%d environments, want the two provisioned", n)
	}
}

func TestCloseEndsRequestsUnderWay(t *testing.T) {
	h := start(t, lambda.Function{})
	ended := make(chan error)
	go func() {
		_, err := ask(t, h, asked{Do: "hang"})
		ended <- err
	}()
	eventually(t, "the environment runs", func() bool { return h.Stats().Environments == 1 })
	h.Close()
	if err := <-ended; err == nil {
		t.Error("a request that was under way succeeded")
	}
	if _, err := ask(t, h, asked{}); err == nil {
		t.Error("a closed host takes a request")
	}
}

func TestProvisionedEnvironmentsAreWaitedFor(t *testing.T) {
	marks := t.TempDir()
	h := start(t, lambda.Function{Env: []string{"MODE=marked", "MARKS=" + marks}, Provisioned: 3})
	h.AwaitProvisioned(t.Context())
	begun, err := os.ReadDir(marks)
	if err != nil {
		t.Fatal(err)
	}
	if len(begun) != 3 {
		t.Errorf("%d environments have begun, want 3", len(begun))
	}
	if s := h.Stats(); s.ColdStarts != 0 || s.Environments != 3 {
		t.Errorf("%+v, want three environments and no cold start", s)
	}
}

func TestAProvisionedEnvironmentThatEndsIsNotWaitedFor(t *testing.T) {
	h := start(t, lambda.Function{Env: []string{"MODE=stillborn"}, Provisioned: 1})
	h.AwaitProvisioned(t.Context())
}
