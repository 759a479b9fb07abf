package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// The answer to the second write is lost: it was executed, and the client
// cannot know.
func Example() {
	ctx := context.Background()
	server, stop := counter()
	defer stop()

	p, err := proxy.Start(ctx, proxy.Options{Server: server, Protocol: lineProtocol})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	fault, err := p.Inject(proxy.Fault{On: proxy.Match{Operation: "write", Nth: 2}, Effect: proxy.LoseAnswer()})
	if err != nil {
		log.Fatal(err)
	}

	for range 3 {
		fmt.Println(say(p.Addr(), "write"))
	}
	fmt.Println("lost:", fault.Hits())
	fmt.Printf("%+v\n", p.Counts()["write"])
	// Output:
	// 1 write
	// EOF
	// 3 write
	// lost: 1
	// {Seen:3 Forwarded:3 Answered:2 Faulted:1}
}

// say sends a line on a connection of its own and returns the answer or the error.
func say(addr, line string) string {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	fmt.Fprintln(conn, line)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return answer[:len(answer)-1]
}

// counter is a server that answers each line with its number.
func counter() (addr string, stop func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := &server{listener: listener}
	s.running.Go(s.accept)
	return s.addr(), func() {
		_ = listener.Close()
		s.running.Wait()
	}
}
