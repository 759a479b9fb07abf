//go:build unix

package server

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

// localStackFiles are its pinned requirements, and what runs it without Docker.
//
//go:embed localstack
var localStackFiles embed.FS

// nativeLocalStack runs LocalStack as processes. DynamoDB Local and kinesis-mock,
// which it starts, bind every interface, so all of it runs in a network of its own.
func (d *Definition) nativeLocalStack(services []string) {
	d.kind = "LocalStack"
	d.program = localStack
	d.Health = func(ctx context.Context, addr string) error { return localStackLoaded(ctx, addr, services) }
	d.launch = func(state string, port int) (args, env []string) {
		p := strconv.Itoa(port)
		return nil, []string{
			"PORT=" + p, "GATEWAY_LISTEN=127.0.0.1:" + p, "LOCALSTACK_HOST=localhost:" + p,
			"FILESYSTEM_ROOT=" + filepath.Join(state, "root"), "JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=" + state,
			// Ours are loaded at the start, so that no first call waits for them; a
			// template may want others, which are loaded when they are called.
			"SERVICES=" + strings.Join(services, ","), "EAGER_SERVICE_LOADING=1", "STRICT_SERVICE_LOADING=0",
			// Where it takes itself to be in a container it ignores FILESYSTEM_ROOT.
			"OVERRIDE_IN_DOCKER=0", "DNS_ADDRESS=0",
			"DISABLE_EVENTS=1", "SKIP_SSL_CERT_DOWNLOAD=1", "LS_LOG=warn", "PYTHONUNBUFFERED=1",
			"DYNAMODB_IN_MEMORY=1", "KINESIS_PERSISTENCE=0", "KINESIS_LATENCY=0",
			"SQS_DISABLE_CLOUDWATCH_METRICS=1", "SQS_ENDPOINT_STRATEGY=path", "LAMBDA_RUNTIME_EXECUTOR=process",
			"S3_SKIP_SIGNATURE_VALIDATION=0", // signed URLs are ours to get right
		}
	}
}

// localStackLoaded returns nil when every service has been loaded.
func localStackLoaded(ctx context.Context, addr string, services []string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_localstack/health", nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var health struct{ Services map[string]string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&health); err != nil {
		return fmt.Errorf("%s: %s: %w", req.URL, resp.Status, err)
	}
	for _, name := range services {
		if state := health.Services[name]; state != "running" {
			return fmt.Errorf("LocalStack's %s is %s", name, state)
		}
	}
	return nil
}
