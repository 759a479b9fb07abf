package orderprocessor

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version sends a property more, and
// remembers one more in the row of an order.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{
			File: "scenarios/orderprocessor/message.go",
			Old:  `propertySchema: schemaVersion,`,
			New:  `propertySchema: schemaVersion, "cloudEvents:datacontenttype": "application/json",`,
		},
		{File: "scenarios/orderprocessor/tables.go", Old: `"Status": "processed",`, New: `"Status": "processed", "Version": int32(2),`},
	}
}
