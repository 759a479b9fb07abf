package imageresize

import (
	"fmt"

	"github.com/provingground/provingground/loadtest/trial"
	"github.com/provingground/provingground/scenarios"
)

// Drill implements [trial.Driver].
func (d *Driver) Drill(drill scenarios.Drill) (*trial.Drill, error) {
	return nil, fmt.Errorf("unknown drill %q", drill.Name)
}
