package journal_test

import (
	"fmt"
	"os"

	"github.com/provingground/provingground/pkg/journal"
)

// A server that counts, and counts on after a crash.
func Example() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	for range 2 {
		count := 0
		j, err := journal.Open(journal.Directory(dir), journal.Options{}, func(record []byte) error {
			count++
			return nil
		})
		if err != nil {
			panic(err)
		}
		for range 3 {
			if err := j.Append([]byte("one more")); err != nil {
				panic(err) // on no account acknowledge it
			}
			count++
		}
		fmt.Println(count)
		if err := j.Close(); err != nil {
			panic(err)
		}
	}
	// Output:
	// 3
	// 6
}
