package report

import (
	"strings"
	"unicode/utf8"
)

// style paints for a terminal, or not at all.
type style struct{ color bool }

const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s style) paint(text string, codes ...string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + text + "\x1b[0m"
}

func (s style) verdict(v Verdict, text string) string {
	switch v {
	case Pass:
		return s.paint(text, bold, green)
	case Invalid:
		return s.paint(text, bold, yellow)
	}
	return s.paint(text, bold, red)
}

func symbol(v Verdict) string {
	switch v {
	case Pass:
		return "✓"
	case Invalid:
		return "?"
	}
	return "✗"
}

// plain takes control characters out of text from elsewhere, so that it cannot
// steer the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
}

func padLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}

func padRight(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
