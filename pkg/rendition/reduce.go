package rendition

import "math"

// taps are the source pixels that one pixel of a copy is made of, with 14
// fraction bits each, in sum one.
type taps struct {
	first   int
	weights []int32
}

const weightBits = 14

// catmullRom is the cubic of Keys with a = -1/2, 2 pixels wide to each side. It
// rings less than Lanczos, which in linear light shows at dark edges.
func catmullRom(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// tapsFor returns the taps of each pixel of out that in pixels become. The filter
// is stretched over the pixels that one becomes, which keeps out what the copy is
// too coarse to show.
func tapsFor(in, out int) []taps {
	scale := float64(in) / float64(out)
	reach := 2 * scale
	all := make([]taps, out)
	for i := range all {
		center := (float64(i)+0.5)*scale - 0.5
		first, last := max(0, int(math.Ceil(center-reach))), min(in-1, int(math.Floor(center+reach)))
		weights := make([]float64, last-first+1)
		sum := 0.0
		for k := range weights {
			weights[k] = catmullRom((float64(first+k) - center) / scale)
			sum += weights[k]
		}
		all[i] = taps{first, fixedWeights(weights, sum)}
	}
	return all
}

// fixedWeights rounds so that the sum is exactly one: a plain area stays as it is.
func fixedWeights(weights []float64, sum float64) []int32 {
	fixed := make([]int32, len(weights))
	left, largest := int32(1<<weightBits), 0
	for k, w := range weights {
		fixed[k] = int32(math.Round(w / sum * (1 << weightBits)))
		left -= fixed[k]
		if w > weights[largest] {
			largest = k
		}
	}
	fixed[largest] += left
	return fixed
}

// reduce returns the source in w by h pixels, which are no more than it has. Rows
// are made narrow as they come, and only as many are kept as one row of the copy
// is made of.
func reduce(src source, w, h int) *linear {
	inW, inH, channels := src.size()
	out := &linear{w: w, h: h, channels: channels, pix: make([]uint16, w*h*channels)}
	across, down := tapsFor(inW, w), tapsFor(inH, h)
	kept := 0
	for _, t := range down {
		kept = max(kept, len(t.weights))
	}
	ring := make([][]uint16, kept)
	for i := range ring {
		ring[i] = make([]uint16, w*channels)
	}
	wide := make([]uint16, inW*channels)
	sums := make([]int32, w*channels)
	next := 0
	for y, t := range down {
		for ; next < t.first+len(t.weights); next++ {
			narrow(src.row(next, wide), ring[next%kept], across, channels)
		}
		combine(ring, t, sums, out.pix[y*w*channels:][:w*channels])
	}
	return out
}

// narrow makes one row shorter.
func narrow(from, to []uint16, across []taps, channels int) {
	if channels == 4 {
		narrow4(from, to, across)
		return
	}
	for _, t := range across {
		s, ws := from[3*t.first:], t.weights
		var r, g, b int32
		for len(ws) >= 2 && len(s) >= 6 { // two at a time: half of the loop is counting
			v, w := ws[0], ws[1]
			r += v*int32(s[0]) + w*int32(s[3])
			g += v*int32(s[1]) + w*int32(s[4])
			b += v*int32(s[2]) + w*int32(s[5])
			s, ws = s[6:], ws[2:]
		}
		if len(ws) == 1 && len(s) >= 3 {
			r += ws[0] * int32(s[0])
			g += ws[0] * int32(s[1])
			b += ws[0] * int32(s[2])
		}
		to[0], to[1], to[2] = cut(r), cut(g), cut(b)
		to = to[3:]
	}
}

func narrow4(from, to []uint16, across []taps) {
	for _, t := range across {
		s := from[4*t.first:]
		var r, g, b, a int32
		for _, w := range t.weights {
			r += w * int32(s[0])
			g += w * int32(s[1])
			b += w * int32(s[2])
			a += w * int32(s[3])
			s = s[4:]
		}
		to[0], to[1], to[2], to[3] = cut(r), cut(g), cut(b), cut(a)
		to = to[4:]
	}
}

// combine makes one row of several. The sums stay below 2^31: weights are at most
// 1.3 in absolute sum.
func combine(ring [][]uint16, t taps, sums []int32, to []uint16) {
	clear(sums)
	at := func(k int) []uint16 { return ring[(t.first+k)%len(ring)][:len(sums)] }
	k := 0
	for ; k+4 <= len(t.weights); k += 4 { // four at a time: sums are loaded and stored less often
		r0, r1, r2, r3 := at(k), at(k+1), at(k+2), at(k+3)
		w0, w1, w2, w3 := t.weights[k], t.weights[k+1], t.weights[k+2], t.weights[k+3]
		for i := range sums {
			sums[i] += w0*int32(r0[i]) + w1*int32(r1[i]) + w2*int32(r2[i]) + w3*int32(r3[i])
		}
	}
	for ; k < len(t.weights); k++ {
		row, w := at(k), t.weights[k]
		for i := range sums {
			sums[i] += w * int32(row[i])
		}
	}
	for i, v := range sums {
		to[i] = cut(v)
	}
}

// cut takes away the fraction bits and what is outside the range.
func cut(v int32) uint16 {
	v = (v + 1<<(weightBits-1)) >> weightBits
	return uint16(max(0, min(v, 0xffff)))
}
