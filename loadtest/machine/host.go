package machine

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strings"
)

// A Host is the machine that a run was made on.
type Host struct {
	Cores  int
	CPU    string // model, or the architecture where it is not known
	OS     string // distribution and kernel, as far as known
	Go     string
	Memory int64 // bytes; 0 if not known
}

// Describe returns the machine this process runs on.
func Describe() Host {
	return Host{
		Cores:  runtime.NumCPU(),
		CPU:    field("/proc/cpuinfo", "model name", ":", runtime.GOARCH),
		OS:     osName(),
		Go:     runtime.Version(),
		Memory: memory(),
	}
}

func osName() string {
	name := strings.Trim(field("/etc/os-release", "PRETTY_NAME", "=", runtime.GOOS), `"`)
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		name += ", Linux " + string(bytes.TrimSpace(kernel))
	}
	return name
}

func memory() int64 {
	kilobytes := strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ":", ""), " kB")
	n, err := numbers([]string{kilobytes})
	if err != nil {
		return 0
	}
	return int64(n[0]) << 10
}

// field returns the value of the first line "key<sep>value" of a file, or
// fallback.
func field(file, key, sep, fallback string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return fallback
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		k, v, ok := strings.Cut(lines.Text(), sep)
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return fallback
}
