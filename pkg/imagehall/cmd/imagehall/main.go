// Command imagehall writes the hall as files, with a list of what each should
// become, for image pipelines of any language; or one large ordinary picture.
//
//	imagehall DIR
//	imagehall -scenery FILE.jpg
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"

	"github.com/provingground/provingground/pkg/imagehall"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "imagehall:", err)
		os.Exit(2)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("imagehall", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	scenery := flags.String("scenery", "", "write a photo of 12 megapixels to this file")
	if err := flags.Parse(args); err != nil || (*scenery == "") != (flags.NArg() == 1) || flags.NArg() > 1 {
		return fmt.Errorf("usage: imagehall DIR, or imagehall -scenery FILE.jpg")
	}
	if *scenery != "" {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, imagehall.Scenery(4000, 3000, 1), &jpeg.Options{Quality: 90}); err != nil {
			return err
		}
		return os.WriteFile(*scenery, b.Bytes(), 0o600)
	}
	return writeAll(flags.Arg(0), out)
}

// verdict is one line of verdicts.json.
type verdict struct {
	File    string   `json:"file"`
	Tells   string   `json:"tells"`
	Refused []string `json:"refused,omitempty"` // right reasons; none: copies must be made
	Width   int      `json:"width,omitempty"`
	Height  int      `json:"height,omitempty"`
	// Quadrants are the colours of a copy as red, green, blue, alpha, from the upper
	// left on, row by row.
	Quadrants [][4]uint8 `json:"quadrants,omitempty"`
	Absent    string     `json:"absent,omitempty"` // bytes that no copy may contain
}

func writeAll(dir string, out io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var verdicts []verdict
	for _, e := range imagehall.All() {
		if err := os.WriteFile(filepath.Join(dir, e.Name), e.Data, 0o600); err != nil {
			return err
		}
		v := verdict{File: e.Name, Tells: e.Tells, Refused: e.Refused, Absent: e.Absent}
		if e.Good() {
			v.Width, v.Height = e.Width, e.Height
			for _, c := range e.Quadrants {
				v.Quadrants = append(v.Quadrants, [4]uint8{c.R, c.G, c.B, c.A})
			}
		}
		verdicts = append(verdicts, v)
	}
	raw, err := json.MarshalIndent(verdicts, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d files and verdicts.json in %s\n", len(verdicts), dir)
	return os.WriteFile(filepath.Join(dir, "verdicts.json"), append(raw, '\n'), 0o600)
}
