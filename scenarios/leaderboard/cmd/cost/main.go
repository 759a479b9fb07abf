// Command cost prints what a million reads cost, design by design, from the
// price list prices.yaml.
package main

import (
	"fmt"
	"os"

	"github.com/provingground/provingground/scenarios/leaderboard"
)

func main() {
	if err := leaderboard.WriteCosts(os.Stdout, 50_000, 100); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}
