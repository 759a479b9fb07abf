package http1_test

import (
	"testing"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
)

// BenchmarkDo includes a net/http server in the same process.
func BenchmarkDo(b *testing.B) {
	conn, err := http1.Dial(b.Context(), redirector(b))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var resp http1.Response
	b.ReportAllocs()
	for b.Loop() {
		if err := conn.Do(get, time.Now().Add(5*time.Second), &resp); err != nil {
			b.Fatal(err)
		}
	}
}
