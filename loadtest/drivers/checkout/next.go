package checkout

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version answers with a field more.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{{
		File: "scenarios/checkout/checkout.go",
		Old:  "	Reason string `json:\"reason,omitempty\"`",
		New:  "	Reason string `json:\"reason,omitempty\"`\n	Next   bool `json:\"next\"`",
	}}
}
