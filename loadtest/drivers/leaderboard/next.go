package leaderboard

import "github.com/provingground/provingground/deploy/local/stack"

// Next implements [trial.Driver]: the next version stores a season with each
// player, which the old one does not know, and sends it on in its receipts.
func (d *Driver) Next() []stack.Edit {
	return []stack.Edit{
		{
			File: "scenarios/leaderboard/dynamodb.go",
			Old:  `item["name"] = &types.AttributeValueMemberS{Value: imp.Name}`,
			New:  `item["name"] = &types.AttributeValueMemberS{Value: imp.Name}; item["season"] = number(2)`,
		},
		{
			File: "scenarios/leaderboard/leaderboard.go",
			Old:  "Sequence int64  `json:\"sequence\"`\n}",
			New:  "Sequence int64  `json:\"sequence\"`\n\tSeason int64 `json:\"season,omitempty\"`\n}",
		},
	}
}
