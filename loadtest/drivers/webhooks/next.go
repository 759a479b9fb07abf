package webhooks

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version sends an attribute more, and
// remembers the type of an event in another spelling.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{
			File: "scenarios/webhooks/message.go",
			Old:  `attributeSchema: schemaVersion,`,
			New:  `attributeSchema: schemaVersion, "ce-datacontenttype": "application/json",`,
		},
		{File: "scenarios/webhooks/inbox.go", Old: `append(types, e.Type)`, New: `append(types, "v2."+e.Type)`},
	}
}
