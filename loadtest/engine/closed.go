package engine

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// ClosedLoop is the model of a fixed number of users: each waits for its answer,
// thinks, and asks again. A slow server then gets fewer requests, so a stall
// shows in the throughput and hardly in the percentiles. It answers "how many do
// these users get through", never "how long does who comes now wait".
//
// A user's request is due when its thinking ends. All begin by thinking, unless
// they arrive: then each asks at once.
type ClosedLoop struct {
	Users    int
	Arrive   time.Duration // over which they come, one after the other; 0: all are there
	Think    time.Duration // mean, exponentially distributed; 0 for none
	Duration time.Duration // nothing is sent after it
	Seed     uint64        // of the thinking; the same seed thinks the same
}

// String names the model.
func (c ClosedLoop) String() string {
	var arriving string
	if c.Arrive > 0 {
		arriving = fmt.Sprintf(" arriving over %s,", c.Arrive)
	}
	return fmt.Sprintf("closed loop, %d users%s thinking %s, for %s", c.Users, arriving, c.Think, c.Duration)
}

func (c ClosedLoop) validate() error {
	if c.Users < 1 || c.Arrive < 0 || c.Think < 0 || c.Duration <= 0 {
		return fmt.Errorf("closed loop of %d users arriving over %s, thinking %s, for %s", c.Users, c.Arrive, c.Think, c.Duration)
	}
	return nil
}

// user is one of a closed loop.
type user struct {
	loop  ClosedLoop
	think *rand.Rand
	ready time.Duration // when the next request is due
}

func (c ClosedLoop) user(n int) *user {
	u := &user{loop: c, think: rand.New(rand.NewPCG(c.Seed, uint64(n)))}
	if c.Arrive > 0 {
		u.ready = c.Arrive * time.Duration(n) / time.Duration(c.Users)
		return u
	}
	u.answered(0)
	return u
}

// due returns when the next request is; false when that is after the end.
func (u *user) due() (time.Duration, bool) { return u.ready, u.ready < u.loop.Duration }

// answered lets the user think.
func (u *user) answered(now time.Duration) {
	u.ready = now
	if u.loop.Think > 0 {
		u.ready += time.Duration(u.think.ExpFloat64() * float64(u.loop.Think))
	}
}
