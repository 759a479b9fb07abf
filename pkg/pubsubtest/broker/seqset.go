package broker

import (
	"math/bits"
	"slices"
)

// seqset is a set of sequence numbers that is full below a floor and sparse
// above: one bit for each number from the first that is missing.
type seqset struct {
	floor uint64 // a multiple of 64; all below are members
	words []uint64
}

// fullBelow is the set of all numbers below n.
func fullBelow(n uint64) seqset {
	s := seqset{floor: n &^ 63}
	if n&63 != 0 {
		s.words = []uint64{1<<(n&63) - 1}
	}
	return s
}

func (s *seqset) has(n uint64) bool {
	if n < s.floor {
		return true
	}
	word := (n - s.floor) / 64
	return word < uint64(len(s.words)) && s.words[word]>>(n&63)&1 == 1
}

func (s *seqset) add(n uint64) {
	if n < s.floor {
		return
	}
	word := int((n - s.floor) / 64)
	for len(s.words) <= word {
		s.words = append(s.words, 0)
	}
	s.words[word] |= 1 << (n & 63)
	full := 0
	for full < len(s.words) && s.words[full] == ^uint64(0) {
		full++
	}
	s.words = s.words[full:]
	s.floor += uint64(full) * 64
}

// remove takes n out, at a cost if it is below the floor: use it in order from
// the highest, or after lower.
func (s *seqset) remove(n uint64) {
	s.lower(n)
	if word := (n - s.floor) / 64; word < uint64(len(s.words)) {
		s.words[word] &^= 1 << (n & 63)
	}
}

// lower makes room for removals from n on.
func (s *seqset) lower(n uint64) {
	if n >= s.floor {
		return
	}
	to := n &^ 63
	front := slices.Repeat([]uint64{^uint64(0)}, int((s.floor-to)/64))
	s.words = append(front, s.words...)
	s.floor = to
}

// gap returns the first number from n on that is not a member.
func (s *seqset) gap(n uint64) uint64 {
	n = max(n, s.floor)
	for word := (n - s.floor) / 64; word < uint64(len(s.words)); word++ {
		free := ^s.words[word]
		if word == (n-s.floor)/64 {
			free &= ^uint64(0) << (n & 63)
		}
		if free != 0 {
			return s.floor + word*64 + uint64(bits.TrailingZeros64(free))
		}
	}
	return max(n, s.floor+uint64(len(s.words))*64)
}

func (s *seqset) clone() seqset { return seqset{s.floor, slices.Clone(s.words)} }
