//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// enter starts this program again inside new namespaces and waits for its end.
func enter(port string, program []string, out io.Writer) error {
	door, err := listen(port)
	if err != nil {
		return err
	}
	defer door.Close()
	// The kernel watches the thread that forks, not the process.
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", append([]string{inside}, program...)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{door}
	cmd.SysProcAttr = namespaces()
	// Before the start, so that no signal falls between.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("a network of its own needs root, or a kernel that lets users make namespaces: %w", err)
	}
	return passOn(cmd, signals)
}

func listen(port string) (*os.File, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	defer l.Close() // the file is a second handle of the same socket
	return l.(*net.TCPListener).File()
}

// namespaces are a network, processes and mounts; without root also users, of
// whom the caller becomes root inside.
func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// passOn gives the child our signals until it ends.
func passOn(cmd *exec.Cmd, signals <-chan os.Signal) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return err
		case s := <-signals:
			if err := cmd.Process.Signal(s); err != nil {
				return err
			}
		}
	}
}
