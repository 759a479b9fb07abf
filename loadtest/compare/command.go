package compare

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/provingground/provingground/loadtest/report"
)

// Command compares the reports that args name and writes the result to out:
//
//	[-html FILE] A.json B.json
//	[-html FILE] A.json… -- B.json…
//
// Every error is a mistake in the call or a file that can't be read, written or
// compared.
func Command(args []string, out, errOut io.Writer, color bool) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(errOut)
	page := flags.String("html", "", "also write a page to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	filesA, filesB, err := sides(flags.Args())
	if err != nil {
		return err
	}
	a, err := Read(filesA...)
	if err != nil {
		return err
	}
	b, err := Read(filesB...)
	if err != nil {
		return err
	}
	c, err := Sides(a, b)
	if err != nil {
		return err
	}
	if *page != "" {
		if err := writeFile(*page, c); err != nil {
			return err
		}
	}
	return c.WriteTerminal(out, color)
}

func sides(files []string) (a, b []string, err error) {
	i := slices.Index(files, "--")
	switch {
	case i < 0 && len(files) == 2:
		return files[:1], files[1:], nil
	case i > 0 && i < len(files)-1:
		return files[:i], files[i+1:], nil
	}
	return nil, nil, errors.New("name two reports, or the reports of both sides with -- between them")
}

func writeFile(name string, c *report.Comparison) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := c.WriteHTML(f); err != nil {
		return fmt.Errorf("%s: %w", name, errors.Join(err, f.Close()))
	}
	return f.Close()
}
