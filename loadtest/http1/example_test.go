package http1_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

func Example() {
	srv := httptest.NewServer(http.RedirectHandler("https://example.test/landing", http.StatusFound))
	defer srv.Close()
	addr := srv.Listener.Addr().String()

	request, err := http1.NewRequest("GET", "/abc", addr, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := http1.Dial(context.Background(), addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	var resp http1.Response
	for range 2 { // one connection, as many requests as you like
		if err := conn.Do(request, time.Now().Add(time.Second), &resp); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d %s\n", resp.Status, resp.Header("Location"))
	}
	// Output:
	// 302 https://example.test/landing
	// 302 https://example.test/landing
}
