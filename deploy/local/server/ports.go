//go:build unix

package server

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/provingground/provingground/deploy/local/jsonfile"
)

// Ports lie below the range from which the system takes ports for outgoing
// connections, so that a load run cannot take one of ours.
const (
	firstPort = 20000
	portCount = 12000
)

// PortFree reports whether a server could listen on 127.0.0.1:port now.
func PortFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// probe looks for n free ports from a start on, without those that are taken.
func probe(start, n int, taken map[int]bool) ([]int, error) {
	var ports []int
	for i := 0; i < portCount && len(ports) < n; i++ {
		port := firstPort + (start+i)%portCount
		if !taken[port] && PortFree(port) {
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		return nil, fmt.Errorf("no %d free ports in %d-%d", n, firstPort, firstPort+portCount-1)
	}
	return ports, nil
}

// Ports returns the clone's ports for roles: those it had before, or others where
// another program has taken one.
func (c *Cloud) Ports(ctx context.Context, keys ...string) ([]int, error) {
	unlock, err := c.lock(ctx, "up")
	if err != nil {
		return nil, err
	}
	defer unlock()
	var ports []int
	for _, key := range keys {
		port, err := c.port(key, "")
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// ContainerPorts returns the two host ports of a role that runs in a container,
// public and for administration. A container that runs keeps its own.
func (c *Cloud) ContainerPorts(ctx context.Context, name string) ([]int, error) {
	keys := []string{name + "/docker", name + "/docker/admin"}
	r, found, err := c.Recorded(name)
	if err != nil {
		return nil, err
	}
	if found && r.Process.Alive() {
		return nil, configuration("%s runs as a native process: end it first", name)
	}
	if !found || !(container{id: r.Container}.alive(ctx)) {
		return c.Ports(ctx, keys...)
	}
	ports := map[string]int{}
	_, err = jsonfile.Read(filepath.Join(c.root, "ports.json"), &ports)
	return []int{ports[keys[0]], ports[keys[1]]}, err
}

// port returns the clone's port for key: the value of variable if that is set,
// else the one it had before, else a new one. A port that is taken is an error
// for the first and replaced for the others. Callers hold the clone's lock.
func (c *Cloud) port(key, variable string) (int, error) {
	if value := os.Getenv(variable); variable != "" && value != "" {
		return fixedPort(variable, value)
	}
	file := filepath.Join(c.root, "ports.json")
	ports := map[string]int{}
	if _, err := jsonfile.Read(file, &ports); err != nil {
		return 0, err
	}
	if port, ok := ports[key]; ok && PortFree(port) {
		return port, nil
	}
	taken, err := claimedNow()
	if err != nil {
		return 0, err
	}
	for _, port := range ports {
		taken[port] = true
	}
	sum := fnv.New32a()
	sum.Write([]byte(c.root))
	found, err := probe(int(sum.Sum32()%portCount), 1, taken)
	if err != nil {
		return 0, err
	}
	ports[key] = found[0]
	return found[0], jsonfile.Write(file, ports)
}

func fixedPort(variable, value string) (int, error) {
	port, err := strconv.Atoi(value)
	if err != nil || port < 1 || port > 65535 {
		return 0, configuration("%s=%q is not a port", variable, value)
	}
	if !PortFree(port) {
		return 0, configuration("%s=%d: the port is taken by another program; choose another one or unset %s", variable, port, variable)
	}
	return port, nil
}
