package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table aligns its first column to the left and all others to the right, but for
// a last column of text.
type table struct {
	style style
	head  []string
	rows  [][]string
	text  bool // the last column is text
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	widths := t.widths()
	t.writeRow(w, t.head, widths, faint)
	for _, row := range t.rows {
		t.writeRow(w, row, widths)
	}
	fmt.Fprintln(w)
}

func (t *table) widths() []int {
	widths := make([]int, len(t.head))
	for _, row := range append(t.rows, t.head) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func (t *table) writeRow(w io.Writer, row []string, widths []int, codes ...string) {
	line := " "
	for i, cell := range row {
		switch {
		case t.text && i == len(t.head)-1:
			line += "  " + cell
		case i == 0:
			line += " " + padRight(cell, widths[i])
		default:
			line += "  " + padLeft(cell, widths[i])
		}
	}
	line = strings.TrimRight(line, " ")
	if len(codes) > 0 {
		line = t.style.paint(line, codes...)
	}
	fmt.Fprintln(w, line)
}
