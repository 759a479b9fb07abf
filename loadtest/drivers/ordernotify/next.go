package ordernotify

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version sends an attribute more in its
// events, and another text in its mails.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{
			File: "scenarios/ordernotify/event.go",
			Old:  "	Data          orderData `json:\"data\"`",
			New:  "	Data          orderData `json:\"data\"`\n	Next          bool `json:\"next\"`",
		},
		{File: "scenarios/ordernotify/ses.go", Old: `"We have received your order"`, New: `"Thank you: we have received your order"`},
	}
}
