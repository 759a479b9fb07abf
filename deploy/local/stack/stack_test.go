//go:build unix

package stack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/scenarios"
)

// scenario is two processes of a role that does nothing, and the needs given.
func scenario(needs ...string) scenarios.Scenario {
	return scenarios.Scenario{
		Slug: "echo", Needs: needs,
		Roles: []scenarios.Role{{
			Name: "echo", Count: 2, Secrets: []string{"TOKEN"},
			Env:   map[string]string{"SETTING": "catalogue", "OTHER": "catalogue"},
			TryIt: "curl {url}/env",
		}},
	}
}

// options use a root of its own with the programs that this clone has installed.
func options(t *testing.T, sc scenarios.Scenario) stack.Options {
	t.Helper()
	clone, err := server.Open(t.Context(), server.Options{Provider: server.Native})
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	pkg := filepath.Join(clone.Root(), "pkg")
	if err := os.MkdirAll(pkg, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pkg, filepath.Join(root, "pkg")); err != nil {
		t.Fatal(err)
	}
	cloud, err := server.Open(t.Context(), server.Options{Root: root, Provider: server.Native, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	return stack.Options{Scenario: sc, Cloud: cloud, Commands: "deploy/local/stack/testdata/cmd", Out: t.Output()}
}

func start(t *testing.T, o stack.Options) *stack.Stack {
	t.Helper()
	s, err := stack.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

// environ asks a process for its environment.
func environ(t *testing.T, in *stack.Instance) []string {
	t.Helper()
	resp, err := http.Get(in.URL + "/env")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var env []string
	if err := json.NewDecoder(resp.Body).Decode(&env); err != nil {
		t.Fatal(err)
	}
	return env
}

func TestEachProcessGetsItsAddressesTheSettingsAndNothingElse(t *testing.T) {
	t.Setenv("LEAK", "from our environment")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on") // whoever wants traces says so outside
	o := options(t, scenario("redis"))
	o.Env = map[string]string{"OTHER": "override"}
	s := start(t, o)
	if len(s.Instances) != 2 {
		t.Fatalf("%d processes, want 2", len(s.Instances))
	}
	for _, in := range s.Instances {
		env := environ(t, in)
		for _, want := range []string{
			"ADDR=" + strings.TrimPrefix(in.URL, "http://"), "ADMIN_ADDR=" + strings.TrimPrefix(in.AdminURL, "http://"),
			"PUBLIC_URL=" + s.Instances[0].URL, "SETTING=catalogue", "OTHER=override",
			"REDIS_URL=redis://" + s.Servers.Get("redis").Addr + "/0", "TOKEN=" + s.Env["TOKEN"], "OTEL_TRACES_SAMPLER=always_on",
		} {
			if !slices.Contains(env, want) {
				t.Errorf("process %d lacks %s", in.Index, want)
			}
		}
		if slices.Contains(env, "LEAK=from our environment") {
			t.Error("our environment leaks into the role")
		}
		if len(env) != 10 {
			t.Errorf("%d variables, want the 8 above, PATH and HOME: %q", len(env), env)
		}
	}
	if got, want := s.TryIt(o.Scenario), "curl "+s.Instances[0].URL+"/env"; len(got) != 1 || got[0] != want {
		t.Errorf("TryIt = %q, want %q", got, want)
	}
}

func TestSecretsAreMadeOnceAndForTheirOwnerOnly(t *testing.T) {
	o := options(t, scenario())
	first := start(t, o).Env["TOKEN"]
	if again := start(t, o).Env["TOKEN"]; again != first || len(first) != 64 {
		t.Errorf("second start has %q, first %q; want the same 64 digits", again, first)
	}
	info, err := os.Stat(filepath.Join(o.Cloud.Root(), "secrets.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets.json: %v, %v; want mode 0600", info.Mode(), err)
	}
}

func TestAProcessIsKilledPausedAndStartedAgainWhereItWas(t *testing.T) {
	in := start(t, options(t, scenario())).Instances[1]
	url, pid := in.URL, in.PID()
	if err := in.Kill(); err != nil {
		t.Fatal(err)
	}
	if process.Identify(pid).Alive() {
		t.Fatal("alive after Kill")
	}
	if err := in.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in.URL != url || in.PID() == pid {
		t.Errorf("started again at %s as %d, was at %s as %d", in.URL, in.PID(), url, pid)
	}
	if err := in.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := in.Resume(); err != nil {
		t.Fatal(err)
	}
	environ(t, in)
	if err := in.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := in.Start(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestARoleThatDiesAtStartIsReportedWithItsLog(t *testing.T) {
	o := options(t, scenario())
	o.Env = map[string]string{"FAIL": "TABLE is not set"}
	_, err := stack.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "echo/echo/0 ended: exit status 2") || !strings.Contains(err.Error(), "TABLE is not set") {
		t.Errorf("error: %v", err)
	}
}

func TestARoleThatDiesLaterIsReportedByWaitAndClose(t *testing.T) {
	s, err := stack.Start(t.Context(), options(t, scenario()))
	if err != nil {
		t.Fatal(err)
	}
	// Behind the stack's back, as a crash is.
	if err := s.Instances[0].Process().Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "echo/echo/0 ended: signal: killed") {
		t.Errorf("Wait: %v", err)
	}
	if err := s.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "echo/echo/0") {
		t.Errorf("Close: %v", err)
	}
	if process.Identify(s.Instances[1].PID()).Alive() {
		t.Error("the other process runs after Close")
	}
}

// moved is the echo role with its page in another place.
func moved(to string) stack.Edit {
	return stack.Edit{File: "deploy/local/stack/testdata/cmd/echo/main.go", Old: `"/env"`, New: `"` + to + `"`}
}

func statusOf(t *testing.T, in *stack.Instance, path string) int {
	t.Helper()
	resp, err := http.Get(in.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestEditsMakeABuildOfTheirOwn(t *testing.T) {
	o := options(t, scenario())
	o.Edits = []stack.Edit{moved("/broken")}
	if got := statusOf(t, start(t, o).Instances[0], "/env"); got != http.StatusNotFound {
		t.Errorf("edited build answers %d, want 404", got)
	}
	o.Edits = nil
	if got := statusOf(t, start(t, o).Instances[0], "/env"); got != http.StatusOK {
		t.Errorf("shipped build answers %d, want 200", got)
	}
}

func TestAnEditMustFitExactlyOnce(t *testing.T) {
	o := options(t, scenario())
	o.Edits = []stack.Edit{{File: "deploy/local/stack/testdata/cmd/echo/main.go", Old: "no such piece", New: ""}}
	if _, err := stack.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "0 times") {
		t.Errorf("Start = %v, want an error that counts", err)
	}
}

func TestAProcessIsUpgradedWhileTheOtherStays(t *testing.T) {
	s := start(t, options(t, scenario()))
	if err := s.BuildNext(t.Context(), moved("/next")); err != nil {
		t.Fatal(err)
	}
	if err := s.Instances[0].Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Instances[0].Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := statusOf(t, s.Instances[0], "/next"); got != http.StatusOK {
		t.Errorf("the upgraded process answers %d, want 200", got)
	}
	if got := statusOf(t, s.Instances[1], "/next"); got != http.StatusNotFound {
		t.Errorf("the other process answers %d, want 404", got)
	}
}

func TestASharedStackLeavesItsServersAndKeepsItsPorts(t *testing.T) {
	o := options(t, scenario("redis"))
	o.Shared = true
	t.Cleanup(func() {
		if err := o.Cloud.Down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	var urls []string
	for range 2 {
		s, err := stack.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, s.Instances[0].URL, s.Instances[1].URL)
		if _, err := stack.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "runs already") {
			t.Errorf("second run beside the first: %v", err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !s.Servers.Get("redis").Alive() {
			t.Error("redis ended with the roles")
		}
	}
	if !slices.Equal(urls[:2], urls[2:]) {
		t.Errorf("URLs %v, then %v", urls[:2], urls[2:])
	}
	if r, err := o.Cloud.Records(); err != nil || len(r) != 1 {
		t.Errorf("records: %+v, %v; want redis alone", r, err)
	}
}

func TestTheTemplateIsAppliedAgainWithoutLosingData(t *testing.T) {
	sc := scenario("dynamodb")
	sc.Template = "local/stack/testdata/table.yaml"
	o := options(t, sc)
	o.Shared = true
	t.Cleanup(func() {
		if err := o.Cloud.Down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	item := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "kept"}}
	for _, round := range []string{"created", "found", "restarted"} {
		if round == "restarted" { // a clean end keeps what the emulator held
			if err := o.Cloud.Down(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s, err := stack.Start(t.Context(), o)
		if err != nil {
			t.Fatal(round, err)
		}
		db := table(s.Env)
		if round == "created" {
			if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("stack-things"), Item: item}); err != nil {
				t.Fatal(err)
			}
		}
		out, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("stack-things"), Key: item})
		if err != nil || len(out.Item) == 0 {
			t.Errorf("%s: item %v, %v", round, out, err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func table(env map[string]string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
}
