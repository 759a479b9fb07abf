package imagehall_test

import (
	"bytes"
	"testing"

	"github.com/provingground/provingground/pkg/imagehall"
)

func TestExhibitsHaveNamesOfTheirOwnAndAreTheSameEachTime(t *testing.T) {
	first, second := imagehall.All(), imagehall.All()
	seen := map[string]bool{}
	for i, e := range first {
		if seen[e.Name] || e.Name == "" || e.Tells == "" || len(e.Data) == 0 {
			t.Errorf("exhibit %d: %q, %q, %d bytes", i, e.Name, e.Tells, len(e.Data))
		}
		seen[e.Name] = true
		if e.Good() && (e.Width == 0 || e.Height == 0) {
			t.Errorf("%s says no shape", e.Name)
		}
		if !bytes.Equal(e.Data, second[i].Data) || e.Name != second[i].Name {
			t.Errorf("%s is another each time", e.Name)
		}
	}
	if len(first) < 60 {
		t.Errorf("%d exhibits", len(first))
	}
}
