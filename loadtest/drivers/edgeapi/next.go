package edgeapi

import "github.com/provingground/provingground/deploy/local/stack"

const (
	typesFile = "scenarios/edgeapi/edgeapi.go"
	itemsFile = "scenarios/edgeapi/items.go"
)

// Next implements [trial.Driver]: the next version says in which unit prices are,
// also in the answers that it stores, which both versions replay.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{File: typesFile, Old: "Name        string `json:\"name\"`\n\tDescription string `json:\"description\"`\n\tPrice       int64  `json:\"price\"`          // in cents", New: "Name        string `json:\"name\"`\n\tUnit string `json:\"unit,omitempty\"`\n\tDescription string `json:\"description\"`\n\tPrice       int64  `json:\"price\"`"},
		{File: itemsFile, Old: `ID: word(row[0]), Name: word(row[1]),`, New: `ID: word(row[0]), Unit: "cent", Name: word(row[1]),`},
		{File: "scenarios/edgeapi/writes.go", Old: `return Item{ID: id, Name: d.Name,`, New: `return Item{ID: id, Unit: "cent", Name: d.Name,`},
	}
}

// expand is the first half of a migration: what the version that runs does not
// know and does not mind.
const expand = `
ALTER TABLE items ADD COLUMN brand TEXT NOT NULL DEFAULT 'unknown';
CREATE INDEX items_by_name_and_brand ON items (name, id, brand);`

// contract is the second half: what the next version needs no more.
const contract = `DROP INDEX items_by_name;`

// branded is the version that goes with it: it shows an item's brand.
func branded() []stack.Edit {
	return []stack.Edit{
		{File: typesFile, Old: "Name        string `json:\"name\"`\n\tDescription string `json:\"description\"`\n\tPrice       int64  `json:\"price\"`          // in cents", New: "Name        string `json:\"name\"`\n\tBrand string `json:\"brand,omitempty\"`\n\tDescription string `json:\"description\"`\n\tPrice       int64  `json:\"price\"`"},
		{File: itemsFile, Old: "Statement{`SELECT ` + columns + ` FROM items WHERE id = ?`", New: "Statement{`SELECT ` + columns + `, brand FROM items WHERE id = ?`"},
		{File: itemsFile, Old: `	return itemOf(results[0][0]), bookmark, nil`, New: `	item = itemOf(results[0][0]); item.Brand = word(results[0][0][7]); return item, bookmark, nil`},
	}
}
