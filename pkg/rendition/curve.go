package rendition

import (
	"encoding/binary"
	"math"
)

// A curve takes a stored value from 0 to 1 to linear light from 0 to 1.
type curve func(float64) float64

// fromSRGB is the curve of sRGB (IEC 61966-2-1).
func fromSRGB(x float64) float64 {
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

func toSRGB(x float64) float64 {
	if x <= 0.0031308 {
		return x * 12.92
	}
	return 1.055*math.Pow(x, 1/2.4) - 0.055
}

// parseCurve reads a curveType (a gamma or a table) or a parametricCurveType.
func parseCurve(tag []byte) (curve, error) {
	switch string(tag[:4]) {
	case "curv":
		return tableCurve(tag)
	case "para":
		return formula(tag)
	}
	return nil, refusef(UnsupportedProfile, "curve of type %.4q", tag[:4])
}

func tableCurve(tag []byte) (curve, error) {
	n := int(min(binary.BigEndian.Uint32(tag[8:]), 1<<20))
	if len(tag) < 12+2*n {
		return nil, refusef(UnsupportedProfile, "a curve of %d values ends early", n)
	}
	at := func(i int) float64 { return float64(binary.BigEndian.Uint16(tag[12+2*i:])) }
	switch n {
	case 0:
		return func(x float64) float64 { return x }, nil
	case 1:
		gamma := at(0) / 256
		return func(x float64) float64 { return math.Pow(x, gamma) }, nil
	}
	return func(x float64) float64 {
		place := x * float64(n-1)
		i := min(int(place), n-2)
		return (at(i) + (place-float64(i))*(at(i+1)-at(i))) / 65535
	}, nil
}

// formula reads functions 0 to 4 of ICC.1:2022, table 68.
func formula(tag []byte) (curve, error) {
	kind := binary.BigEndian.Uint16(tag[8:])
	counts := []int{1, 3, 4, 5, 7}
	if int(kind) >= len(counts) || len(tag) < 12+4*counts[kind] {
		return nil, refusef(UnsupportedProfile, "parametric curve of function %d", kind)
	}
	var v [7]float64 // g a b c d e f
	for i := range counts[kind] {
		v[i] = fixed(tag[12+4*i:])
	}
	g, a, b, c, d, e, f := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	switch kind {
	case 0:
		return func(x float64) float64 { return math.Pow(x, g) }, nil
	case 1, 2: // below -b/a a constant
		if a == 0 {
			return nil, refusef(UnsupportedProfile, "parametric curve that is a constant")
		}
		return func(x float64) float64 {
			if x < -b/a {
				return c
			}
			return math.Pow(a*x+b, g) + c
		}, nil
	}
	if kind == 3 {
		e, f = 0, 0
	}
	return func(x float64) float64 {
		if x < d {
			return c*x + f
		}
		return math.Pow(a*x+b, g) + e
	}, nil
}
