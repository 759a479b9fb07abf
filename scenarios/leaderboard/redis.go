package leaderboard

import (
	"context"
	_ "embed" // of the scripts
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The scripts that keep the view. Each is one atomic step in Redis.
var (
	//go:embed lua/apply.lua
	applyLua string
	//go:embed lua/top.lua
	topLua string
	//go:embed lua/around.lua
	aroundLua string
	//go:embed lua/begin.lua
	beginLua string
	//go:embed lua/finish.lua
	finishLua string
	//go:embed lua/lease.lua
	leaseLua string
)

// The keys share a hash tag, so that a cluster keeps them in one place.
const (
	rankKey = "{leaderboard}:rank" // sorted set: player by weight
	// playersKey is a hash: player to name. The fields that begin with a colon, as
	// no player does, say what the view holds: state, through, accepted, gap.
	playersKey    = "{leaderboard}:players"
	checkpointKey = "{leaderboard}:stream" // hash: shard to position
	aheadKey      = "{leaderboard}:ahead"  // sorted set: sequences applied beyond a missing one
	leaseKey      = "{leaderboard}:keeper"
)

const stateComplete = "complete"

// errIncomplete says that the view cannot answer: it was emptied, or is being rebuilt.
var errIncomplete = fmt.Errorf("%w: the view is incomplete", ErrUnavailable)

// errFenced says that another rebuild has begun, or that the view was emptied.
var errFenced = errors.New("fenced off")

// view is the board in Redis. It is never the truth: it says up to which
// sequence it is complete, and whoever finds it wanting has it rebuilt.
type view struct {
	client                                  *redis.Client
	apply, top, near, begin, finish, tenure *redis.Script
}

func newView(client *redis.Client) *view {
	return &view{
		client: client,
		apply:  redis.NewScript(applyLua),
		top:    redis.NewScript(topLua),
		near:   redis.NewScript(aroundLua),
		begin:  redis.NewScript(beginLua),
		finish: redis.NewScript(finishLua),
		tenure: redis.NewScript(leaseLua),
	}
}

// put applies improvements and returns how many players moved. Applying them
// twice, late or out of order changes nothing. accepted is the newest sequence
// that the caller knows of; fence is the token of a rebuild, or "".
func (v *view) put(ctx context.Context, improvements []Improvement, accepted int64, fence string) (moved int64, err error) {
	args := make([]any, 0, 2+4*len(improvements))
	args = append(args, fence, accepted)
	for _, imp := range improvements {
		args = append(args, weigh(imp.Score, imp.Sequence), imp.Sequence, imp.Player, imp.Name)
	}
	out, err := v.apply.Run(ctx, v.client, []string{rankKey, playersKey, aheadKey}, args...).Slice()
	if err != nil {
		return 0, fmt.Errorf("apply %d improvements: %w", len(improvements), viewError(err))
	}
	if len(out) == 2 {
		moved, _ = out[0].(int64)
	}
	return moved, nil
}

// state is what the view says about itself.
type state struct {
	complete          bool
	through, accepted int64
}

// read returns the first entries, or none if through has not moved since the
// caller's last look.
func (v *view) read(ctx context.Context, known int64, count int) (state, []Entry, error) {
	out, err := v.top.RunRO(ctx, v.client, []string{rankKey, playersKey}, known, count).StringSlice()
	if err != nil {
		return state{}, nil, fmt.Errorf("read the top: %w", err)
	}
	if len(out) < 3 {
		return state{}, nil, errors.New("read the top: short answer")
	}
	s := state{complete: out[0] == stateComplete}
	var errThrough, errAccepted error
	s.through, errThrough = strconv.ParseInt(out[1], 10, 64)
	s.accepted, errAccepted = strconv.ParseInt(out[2], 10, 64)
	entries, errEntries := decodeEntries(1, out[3:])
	return s, entries, errors.Join(errThrough, errAccepted, errEntries)
}

// decodeEntries reads triples of player, weight and name.
func decodeEntries(rank int64, flat []string) ([]Entry, error) {
	entries := make([]Entry, 0, len(flat)/3)
	for ; len(flat) >= 3; flat = flat[3:] {
		score, err := scoreOf(flat[1])
		if err != nil {
			return nil, fmt.Errorf("weight of a player: %w", err)
		}
		entries = append(entries, Entry{Rank: rank, Player: flat[0], Score: score, Name: flat[2]})
		rank++
	}
	return entries, nil
}

// neighbours looks up players, each with those around. A player who is not on
// the board gets nil.
func (v *view) neighbours(ctx context.Context, players []string) (through int64, around [][]Entry, err error) {
	args := make([]any, 0, 1+len(players))
	args = append(args, span)
	for _, player := range players {
		args = append(args, player)
	}
	out, err := v.near.RunRO(ctx, v.client, []string{rankKey, playersKey}, args...).Slice()
	if err != nil {
		return 0, nil, fmt.Errorf("look up %d players: %w", len(players), err)
	}
	if len(out) < 2 || out[0] != stateComplete {
		return 0, nil, errIncomplete
	}
	if through, err = strconv.ParseInt(fmt.Sprint(out[1]), 10, 64); err != nil {
		return 0, nil, fmt.Errorf("look up %d players: %w", len(players), err)
	}
	if out = out[2:]; len(out) != len(players) {
		return 0, nil, fmt.Errorf("look up %d players: %d answers", len(players), len(out))
	}
	around = make([][]Entry, len(players))
	for i, one := range out {
		if around[i], err = decodeNear(one); err != nil {
			return 0, nil, err
		}
	}
	return through, around, nil
}

func decodeNear(one any) ([]Entry, error) {
	fields, ok := one.([]any)
	if !ok || len(fields) == 0 {
		return nil, nil
	}
	first, ok := fields[0].(int64)
	if !ok {
		return nil, errors.New("look up players: malformed answer")
	}
	flat := make([]string, 0, len(fields)-1)
	for _, field := range fields[1:] {
		flat = append(flat, fmt.Sprint(field))
	}
	return decodeEntries(first+1, flat)
}

// state returns what the view says about itself.
func (v *view) state(ctx context.Context) (state, error) {
	out, err := v.client.HMGet(ctx, playersKey, ":state", ":through").Result()
	if err != nil {
		return state{}, fmt.Errorf("read the view's state: %w", err)
	}
	s := state{complete: out[0] == stateComplete}
	if through, ok := out[1].(string); ok {
		s.through, err = strconv.ParseInt(through, 10, 64)
	}
	return s, err
}

// beginRebuild fences off every other rebuild.
func (v *view) beginRebuild(ctx context.Context, token string) error {
	if err := v.begin.Run(ctx, v.client, []string{playersKey, aheadKey}, token).Err(); err != nil {
		return fmt.Errorf("begin a rebuild: %w", err)
	}
	return nil
}

// finishRebuild declares the view complete up to last, and up to what was
// applied meanwhile, unless the rebuild was fenced off.
func (v *view) finishRebuild(ctx context.Context, token string, last int64) error {
	if err := v.finish.Run(ctx, v.client, []string{playersKey, aheadKey}, token, last).Err(); err != nil {
		return fmt.Errorf("finish a rebuild: %w", viewError(err))
	}
	return nil
}

// lease takes or renews the keeper's lease for a while.
func (v *view) lease(ctx context.Context, holder string) (bool, error) {
	n, err := v.tenure.Run(ctx, v.client, []string{leaseKey}, holder, tenureTime.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("lease of the keeper: %w", err)
	}
	return n == 1, nil
}

// checkpoint remembers how far a shard of the stream was applied. It lies in the
// same log as what was applied before it, so a Redis that loses its last second
// loses the checkpoint first.
func (v *view) checkpoint(ctx context.Context, shard, sequence string) error {
	if err := v.client.HSet(ctx, checkpointKey, shard, sequence).Err(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// checkpoints returns the position in each shard that has one.
func (v *view) checkpoints(ctx context.Context) (map[string]string, error) {
	positions, err := v.client.HGetAll(ctx, checkpointKey).Result()
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return positions, nil
}

// forgetCheckpoints drops the positions of shards that are no more.
func (v *view) forgetCheckpoints(ctx context.Context, shards ...string) error {
	if len(shards) == 0 {
		return nil
	}
	return v.client.HDel(ctx, checkpointKey, shards...).Err()
}

// drop empties the view. Whoever keeps it builds it again.
func (v *view) drop(ctx context.Context) error {
	if err := v.client.Unlink(ctx, rankKey, playersKey, aheadKey, checkpointKey).Err(); err != nil {
		return fmt.Errorf("drop the view: %w", err)
	}
	return nil
}

func viewError(err error) error {
	if strings.HasPrefix(err.Error(), "FENCED") {
		return fmt.Errorf("%w: %w", errFenced, err)
	}
	return err
}
