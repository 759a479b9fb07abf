package servicebusdlq

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version sends a property more, and
// remembers one more in the row of a charge.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{
			File: "scenarios/servicebusdlq/payment.go",
			Old:  `propertySpec: "1.0", propertyID: id,`,
			New:  `propertySpec: "1.0", "cloudEvents:datacontenttype": "application/json", propertyID: id,`,
		},
		{File: "scenarios/servicebusdlq/ledger.go", Old: `"Payment": p.id,`, New: `"Payment": p.id, "Version": int32(2),`},
	}
}
