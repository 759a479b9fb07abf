package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// stepBack lets others go first: whoever answers requests on the same machine.
// Linux has a priority for each thread, and a new one inherits its creator's.
func stepBack(nice int) error {
	if nice <= 0 {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("thread %q: %w", t.Name(), err)
		}
		errs = append(errs, syscall.Setpriority(syscall.PRIO_PROCESS, id, min(nice, 19)))
	}
	return errors.Join(errs...)
}
