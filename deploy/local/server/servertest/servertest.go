//go:build unix

// Package servertest gives a test servers of its own: native processes, or
// containers where a Docker engine answers, by the same table.
package servertest

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	containers "github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/provingground/provingground/deploy/local/server"
)

// Start starts private servers and closes them when the test ends. Where nothing
// can provide them the test fails, and says what to install.
func Start(t testing.TB, names ...string) *server.Set {
	t.Helper()
	c, err := server.Open(t.Context(), server.Options{Out: t.Output()})
	if err != nil {
		t.Fatalf("no servers for this test: %v", err)
	}
	set, err := start(t, c, names)
	if err != nil {
		t.Fatalf("this test needs %v: install Docker, or use Debian or Ubuntu, or point at servers of yours with PROVIDER=env: %v", names, err)
	}
	t.Cleanup(func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	})
	return set
}

func start(t testing.TB, c *server.Cloud, names []string) (*server.Set, error) {
	t.Helper()
	if c.Provider() != server.Docker {
		return c.Start(t.Context(), names...)
	}
	// One stands in front of another by its name.
	joined, err := containers.New(t.Context())
	testcontainers.CleanupNetwork(t, joined)
	if err != nil {
		return nil, err
	}
	return c.StartContainers(t.Context(), func(ctx context.Context, d server.Definition, port int) (string, error) {
		return run(ctx, t, d, joined, port)
	}, names...)
}

// run leaves the end of the container to testcontainers, which also sweeps up
// after a test that was killed.
func run(ctx context.Context, t testing.TB, d server.Definition, in *testcontainers.DockerNetwork, port int) (id string, err error) {
	t.Helper()
	exposed := fmt.Sprintf("%d/tcp", d.ContainerPort)
	c, err := testcontainers.Run(ctx, d.Image.Name(),
		containers.WithNetwork([]string{d.Name}, in),
		testcontainers.WithExposedPorts(exposed),
		testcontainers.WithEnv(d.ContainerEnv),
		testcontainers.WithCmd(d.ContainerArgs...),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { publish(h, exposed, port) }),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, wait.ForListeningPort(exposed)),
	)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		return "", fmt.Errorf("%s on port %d: %w", d.Name, port, err)
	}
	return c.GetContainerID(), nil
}

// publish fixes the port on this machine: with a random one a container that is
// started again comes back elsewhere.
func publish(h *container.HostConfig, exposed string, port int) {
	h.Memory = 3 << 29 // 1.5 GiB
	h.PortBindings = network.PortMap{
		network.MustParsePort(exposed): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(port)}},
	}
}
