package provingground_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/provingground/provingground/"

// pkg is what `go list` says about a package of this module.
type pkg struct {
	ImportPath, Dir, Name string
	Imports               []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

// inside returns the path of a package of this module from its root.
func inside(importPath string) (string, bool) { return strings.CutPrefix(importPath, module) }

// unit is the scenario or the pkg/<thing> that a path belongs to.
func unit(p string) string {
	parts := strings.SplitN(p, "/", 3)
	return path.Join(parts[:min(2, len(parts))]...)
}

func TestImportsFollowTheTree(t *testing.T) {
	for _, p := range packages(t) {
		from, ok := inside(p.ImportPath)
		if !ok {
			continue
		}
		for _, imported := range p.Imports {
			to, ok := inside(imported)
			if !ok || unit(from) == unit(to) {
				continue
			}
			if why := forbidden(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
		}
	}
}

// forbidden says why a package may not import another of a different unit.
func forbidden(from, to string) string {
	kind := func(p string) string { return strings.SplitN(p, "/", 2)[0] }
	isScenario := kind(to) == "scenarios" && to != "scenarios"
	switch {
	case to == "pkg/journal" && slices.Contains([]string{"pkg/pubsubtest", "pkg/servicebustest"}, unit(from)):
		return "" // both brokers write it
	case kind(from) == "pkg":
		return "pkg/<thing> is copied alone: it imports nothing else of this module"
	case kind(from) == "scenarios" && from == "scenarios":
		return "the catalogue is data only"
	case kind(from) == "scenarios" && kind(to) != "pkg":
		return "a scenario imports pkg/ and no other part of this module"
	case kind(from) == "loadtest" && isScenario:
		return "the load test knows a scenario by its public API"
	case kind(from) == "deploy" && (isScenario || kind(to) == "loadtest"):
		return "the local cloud serves scenarios and load test, and knows neither"
	}
	return ""
}

func TestEveryPackageHasOnePackageCommentAndASpeakingName(t *testing.T) {
	banned := []string{"util", "utils", "common", "helpers", "helper", "types", "models", "base", "misc"}
	for _, p := range packages(t) {
		if slices.Contains(banned, p.Name) {
			t.Errorf("%s: package name %q says nothing", p.ImportPath, p.Name)
		}
		if n := packageComments(t, p.Dir); n > 1 || (n == 0 && hasCode(t, p.Dir)) {
			t.Errorf("%s has %d package comments, want one", p.ImportPath, n)
		}
	}
}

func sources(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

func hasCode(t *testing.T, dir string) bool { return len(sources(t, dir)) > 0 }

func packageComments(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	for _, file := range sources(t, dir) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc != nil {
			n++
		}
	}
	return n
}

func TestNoInitAndNoPackageVariables(t *testing.T) {
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			checkDecl(t, name, decl)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkDecl allows package variables for errors and embedded files only.
func checkDecl(t *testing.T, name string, decl ast.Decl) {
	t.Helper()
	if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
		t.Errorf("%s has an init function", name)
	}
	g, ok := decl.(*ast.GenDecl)
	if !ok || g.Tok != token.VAR || g.Doc != nil && strings.Contains(directives(g.Doc), "go:embed") {
		return
	}
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		if v.Doc != nil && strings.Contains(directives(v.Doc), "go:embed") {
			continue
		}
		for _, ident := range v.Names {
			if n := ident.Name; n != "_" && !strings.HasPrefix(n, "err") && !strings.HasPrefix(n, "Err") {
				t.Errorf("%s has the package variable %s", name, n)
			}
		}
	}
}

// directives returns a comment with its //go: lines, which Text leaves out.
func directives(c *ast.CommentGroup) string {
	var s strings.Builder
	for _, line := range c.List {
		s.WriteString(line.Text + "\n")
	}
	return s.String()
}
