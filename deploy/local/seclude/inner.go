//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// doorFile is the descriptor of the socket that the outer process left us.
const doorFile = 3

// serve runs the program and carries connections to it until it ends.
func serve(port string, program []string, out io.Writer) error {
	if err := errors.Join(ownProcesses(), loopback()); err != nil {
		return err
	}
	file := os.NewFile(doorFile, "door")
	door, err := net.FileListener(file)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil { // the listener has a handle of its own
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	var accepting sync.WaitGroup
	accepting.Go(func() { carry(door, net.JoinHostPort("127.0.0.1", port)) })
	err = passOn(cmd, signals)
	err = errors.Join(err, door.Close())
	accepting.Wait()
	return err // connections that are still open end with this process
}

// ownProcesses makes /proc tell of the new namespace, in which the program looks
// for its children, and keeps the mount from the machine.
func ownProcesses() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// loopback brings up the only interface there is.
func loopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	return nil
}
