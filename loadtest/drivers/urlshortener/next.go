package urlshortener

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version writes its entries of the
// shared cache in another form, and reads both.
func (d *Driver) Next() []stack.Edit {
	const file = "scenarios/urlshortener/redis.go"
	return []stack.Edit{
		{File: file, Old: `return "L" + strconv`, New: `return "M" + strconv`},
		{File: file, Old: `if value[0] != 'L' || len(fields) != 3 {`, New: `if (value[0] != 'L' && value[0] != 'M') || len(fields) != 3 {`},
	}
}
