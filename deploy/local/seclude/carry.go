//go:build linux

package main

import (
	"io"
	"net"
	"sync"
)

// carry accepts until the door is closed. As long as the program does not listen,
// connections are closed at once: whoever asks sees that it does not answer.
func carry(door net.Listener, to string) {
	for {
		from, err := door.Accept()
		if err != nil {
			return
		}
		go connect(from, to) // ends with its connection, or with this process
	}
}

// connect copies both ways until both sides have ended theirs.
func connect(from net.Conn, to string) {
	defer from.Close()
	target, err := net.Dial("tcp4", to)
	if err != nil {
		return
	}
	defer target.Close()
	var both sync.WaitGroup
	both.Go(func() { oneWay(target, from) })
	both.Go(func() { oneWay(from, target) })
	both.Wait()
}

// oneWay passes the end of the stream on: the other direction may still have an
// answer to carry. A broken side ends the other one, too.
func oneWay(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		half.CloseWrite()
	}
}
