package imageresize

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/provingground/provingground/deploy/local/stack"
)

// memory is what the resizing processes had resident, in bytes, second by second:
// the larger one.
type memory struct {
	mu      sync.Mutex
	samples []int64
}

func (m *memory) sample(all []*stack.Instance) {
	largest := int64(0)
	for _, in := range all {
		if in.Role == "resize" {
			largest = max(largest, resident(in.PID()))
		}
	}
	if largest == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples = append(m.samples, largest)
}

// resident returns 0 where the system does not say.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// halves returns the largest of the first and of the second half.
func (m *memory) halves() (first, second int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range m.samples {
		if i < len(m.samples)/2 {
			first = max(first, s)
		} else {
			second = max(second, s)
		}
	}
	return first, second
}
