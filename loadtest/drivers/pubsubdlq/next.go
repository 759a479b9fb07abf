package pubsubdlq

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version sends an attribute more.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{{
		File: "scenarios/pubsubdlq/event.go",
		Old:  `attributeID: id, attributeType: usageRecorded,`,
		New:  `attributeID: id, "next": "true", attributeType: usageRecorded,`,
	}}
}
