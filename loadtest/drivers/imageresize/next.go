package imageresize

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version records an attribute more, and
// signs permits that tell their version.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{
			File: "scenarios/imageresize/dynamodb.go",
			Old:  `	all["etag"] = text(rec.ETag)`,
			New:  `	all["etag"], all["next"] = text(rec.ETag), text("true")`,
		},
		{
			File: "scenarios/imageresize/uploads.go",
			Old:  "	ID      string    `json:\"id\"`\n	Key ",
			New:  "	Next    bool      `json:\"next\"`\n	ID      string    `json:\"id\"`\n	Key ",
		},
	}
}
