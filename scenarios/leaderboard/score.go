package leaderboard

import "strconv"

// A Redis sorted set orders by one float64, exact for whole numbers up to
// 53 bits. 21 of them hold the score and 32 the sequence, inverted, so that of
// two equal scores the one accepted earlier is the larger number.
const (
	scoreBits    = 21
	sequenceBits = 32

	// MaxScore is the highest score that can be submitted: 2,097,151.
	MaxScore = 1<<scoreBits - 1
	// MaxSequence is the last improvement that a board can accept: 4,294,967,295,
	// which is 497 days of 100 improvements a second. Then submissions are refused.
	MaxSequence = 1<<sequenceBits - 1
)

// weigh returns the number that a score accepted as sequence is ranked by. It
// grows with every improvement of a player, because the score does.
func weigh(score, sequence int64) int64 { return score<<sequenceBits | (MaxSequence - sequence) }

// unweigh is the inverse of weigh.
func unweigh(weight int64) (score, sequence int64) {
	return weight >> sequenceBits, MaxSequence - weight&MaxSequence
}

// scoreOf reads a weight as Redis prints it. Redis writes whole numbers without
// an exponent up to 17 digits; the largest weight has 16.
func scoreOf(printed string) (int64, error) {
	weight, err := strconv.ParseInt(printed, 10, 64)
	if err != nil {
		return 0, err
	}
	score, _ := unweigh(weight)
	return score, nil
}
