package edgeroom

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version finds messages by their time, too,
// for which each room's database gets an index when it is opened, and says by how much
// an increment counted, also in answers that the version before has stored.
func (d *Driver) Next() []stack.Edit {
	const counter, room = "scenarios/edgeroom/counter.go", "scenarios/edgeroom/room.go"
	return []stack.Edit{
		{File: room, Old: `UNIQUE (client, id))")`, New: `UNIQUE (client, id))",
		"CREATE INDEX IF NOT EXISTS messages_by_time ON messages (at)")`},
		{File: counter, Old: "	Key   string `json:\"key,omitempty\"`", New: "	Key   string `json:\"key,omitempty\"`\n	By    int64  `json:\"by,omitempty\"`"},
		{File: counter, Old: `counted{Value: value, Key: in.key}`, New: `counted{Value: value, Key: in.key, By: in.By}`},
	}
}
