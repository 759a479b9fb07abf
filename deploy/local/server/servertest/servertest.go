//go:build unix

// Package servertest gives a test servers of its own, or the tests of a package one
// set together: native processes, or containers where a Docker engine answers, by
// the same table.
package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	mobynetwork "github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/provingground/provingground/deploy/local/server"
)

const removeTime = 30 * time.Second

// Start starts private servers and closes them when the test ends. Where nothing
// can provide them the test fails, and says what to install.
func Start(t testing.TB, names ...string) *server.Set {
	t.Helper()
	set, end, err := start(t.Context(), t.Output(), names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return set
}

// start returns servers and what ends them.
func start(ctx context.Context, out io.Writer, names []string) (*server.Set, func() error, error) {
	c, err := server.Open(ctx, server.Options{Out: out})
	if err != nil {
		return nil, nil, fmt.Errorf("no servers for this test: %w", err)
	}
	r := &containers{}
	set, err := r.start(ctx, c, names)
	if err != nil {
		err = errors.Join(err, r.remove())
		return nil, nil, fmt.Errorf("this test needs %v: install Docker, or use Debian or Ubuntu, or point at servers of yours with PROVIDER=env: %w", names, err)
	}
	return set, func() error { return errors.Join(set.Close(), r.remove()) }, nil
}

// containers are those of one set, where there are any.
type containers struct {
	mu     sync.Mutex
	all    []testcontainers.Container
	joined *testcontainers.DockerNetwork
}

func (r *containers) start(ctx context.Context, c *server.Cloud, names []string) (*server.Set, error) {
	if c.Provider() != server.Docker {
		return c.Start(ctx, names...)
	}
	// One stands in front of another by its name.
	var err error
	if r.joined, err = network.New(ctx); err != nil {
		return nil, err
	}
	return c.StartContainers(ctx, r.run, names...)
}

// run notes the container for remove. After a test that was killed testcontainers
// sweeps up.
func (r *containers) run(ctx context.Context, d server.Definition, port int) (id string, err error) {
	exposed := fmt.Sprintf("%d/tcp", d.ContainerPort)
	c, err := testcontainers.Run(ctx, d.Image.Name(),
		network.WithNetwork([]string{d.Name}, r.joined),
		testcontainers.WithExposedPorts(exposed),
		testcontainers.WithEnv(d.ContainerEnv),
		testcontainers.WithCmd(d.ContainerArgs...),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { publish(h, exposed, port) }),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, wait.ForListeningPort(exposed)),
	)
	if c != nil {
		r.mu.Lock()
		r.all = append(r.all, c)
		r.mu.Unlock()
	}
	if err != nil {
		return "", fmt.Errorf("%s on port %d: %w", d.Name, port, err)
	}
	return c.GetContainerID(), nil
}

// remove is not ended by the end of the test that it tidies up after.
func (r *containers) remove() (err error) {
	for _, c := range r.all {
		err = errors.Join(err, testcontainers.TerminateContainer(c))
	}
	if r.joined != nil {
		ctx, cancel := context.WithTimeout(context.Background(), removeTime)
		defer cancel()
		err = errors.Join(err, r.joined.Remove(ctx))
	}
	return err
}

// publish fixes the port on this machine: with a random one a container that is
// started again comes back elsewhere.
func publish(h *container.HostConfig, exposed string, port int) {
	h.Memory = 3 << 29 // 1.5 GiB
	h.PortBindings = mobynetwork.PortMap{
		mobynetwork.MustParsePort(exposed): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(port)}},
	}
}
