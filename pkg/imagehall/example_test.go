package imagehall_test

import (
	"fmt"

	"github.com/provingground/provingground/pkg/imagehall"
)

func Example() {
	for _, e := range imagehall.All() {
		if e.Name == "pixels.png" {
			fmt.Println(e.Tells, "→", e.Refused)
		}
	}
	// Output: 60,000 by 60,000 pixels in a few kilobytes → [too_many_pixels]
}
