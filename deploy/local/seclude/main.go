//go:build linux

// Command seclude runs a server that binds every interface where nobody reaches
// it: in a network, with processes of its own, and carries one port of
// 127.0.0.1 into it.
//
//	PORT=20001 seclude PROGRAM [ARGUMENT...]
//
// The outer process listens on 127.0.0.1:PORT of this machine. The inner one is
// the first process of the new namespaces: it inherits that socket, which stays in
// the machine's network, and dials from within, where PROGRAM serves the same
// port. Whatever ends either of them, the kernel ends all that PROGRAM started.
//
// It needs root, or a kernel that lets users make namespaces of their own.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// inside is the first argument of the inner process. No program is called so.
const inside = "--inside"

func main() {
	err := run(os.Args[1:], os.Getenv("PORT"), os.Stderr)
	if err == nil {
		return
	}
	var ended *exec.ExitError
	if errors.As(err, &ended) { // it has said why itself
		os.Exit(max(1, ended.ExitCode()))
	}
	fmt.Fprintln(os.Stderr, "seclude:", err)
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}

var errUsage = errors.New("want PORT=number seclude program [argument...]")

func run(args []string, port string, out io.Writer) error {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || len(args) == 0 {
		return errUsage
	}
	if args[0] != inside {
		return enter(port, args, out)
	}
	if len(args) == 1 {
		return errUsage
	}
	return serve(port, args[1:], out)
}
