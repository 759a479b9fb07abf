package report

import "os"

// Color reports whether colours are welcome: f is a terminal that has some, and
// NO_COLOR is not set.
func Color(f *os.File) bool {
	return Terminal(f) > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
