//go:build unix

package server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func redis() Definition {
	return Definition{
		Name:          "redis",
		StandsFor:     "Redis itself",
		Loses:         "up to 1 s of acknowledged writes (appendfsync everysec)",
		Image:         Image{Variable: "REDIS_IMAGE", Default: "redis:7.4.6-alpine"},
		ContainerPort: 6379,
		// Without a password Redis refuses whoever is not in its container; the port
		// is published on 127.0.0.1 only.
		ContainerArgs: append([]string{"redis-server", "--protected-mode", "no"}, redisSettings()...),
		Variables:     []string{"REDIS_URL"},
		PortVariable:  "REDIS_PORT",
		Env: func(addr string) map[string]string {
			return map[string]string{"REDIS_URL": "redis://" + addr + "/0"}
		},
		Health:  pingRedis,
		pointed: func(value string) map[string]string { return map[string]string{"REDIS_URL": value} },
		program: redisServer,
		launch: func(state string, port int) (args, env []string) {
			args = []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", state}
			return append(args, redisSettings()...), nil
		},
	}
}

// redisSettings: nothing is evicted, because click counts live here too.
func redisSettings() []string {
	return []string{
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
		"--maxmemory", "512mb", "--maxmemory-policy", "noeviction",
	}
}

// redisServer takes the machine's own from version 6 on, else unpacks Debian's.
func redisServer(ctx context.Context, in *installer) (program, error) {
	if path, err := exec.LookPath("redis-server"); err == nil && redisMajor(ctx, path) >= 6 {
		return program{path: path}, nil
	}
	dir, err := in.debian(ctx, "redis-server", "usr/bin/redis-server", "redis-server")
	if err != nil {
		return program{}, err
	}
	return program{path: dir + "/usr/bin/redis-server", env: libraries(dir)}, nil
}

func redisMajor(ctx context.Context, path string) int {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`v=(\d+)\.`).FindSubmatch(out)
	if found == nil {
		return 0
	}
	major, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0
	}
	return major
}

// pingRedis also waits while Redis loads its data: it answers -LOADING then.
func pingRedis(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Second)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReaderSize(conn, 256).ReadString('\n')
	if err != nil {
		return err
	}
	// A server with a password is there, too; its clients know the password.
	if !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
		return fmt.Errorf("redis at %s answers %q", addr, strings.TrimSpace(answer))
	}
	return nil
}

// hostPort returns the address in a URL such as redis://host:port/0.
func hostPort(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return value
	}
	if u.Port() == "" {
		ports := map[string]string{
			"redis": "6379", "rediss": "6379", "http": "80", "https": "443", "postgres": "5432", "postgresql": "5432",
		}
		return net.JoinHostPort(u.Hostname(), ports[u.Scheme])
	}
	return u.Host
}
