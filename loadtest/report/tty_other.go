//go:build !unix

package report

import "os"

// Terminal returns the columns of a terminal, 0 if f is none.
func Terminal(f *os.File) int {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return 0
	}
	return width(0)
}
