//go:build unix

package report

import (
	"os"

	"golang.org/x/sys/unix"
)

// Terminal returns the columns of a terminal, 0 if f is none.
func Terminal(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return width(int(size.Col))
}
