package rendition

import (
	"encoding/binary"
	"math"
)

// maxProfile bounds a colour profile. Those of a matrix and curves have a few
// kilobytes, those of printers one or two megabytes.
const maxProfile = 4 << 20

// profile converts the colours of an RGB image to linear sRGB: a curve for each
// channel, then a matrix. A nil one means that they are sRGB.
type profile struct {
	curves [3]curve
	matrix [3][3]float64 // to linear sRGB
}

// parseProfile reads an ICC profile (ICC.1:2022, chapters 7 to 10) of a matrix and
// curves. It returns nil for none, and for one that says sRGB in its own words.
func parseProfile(icc []byte) (*profile, error) {
	if len(icc) == 0 {
		return nil, nil
	}
	if len(icc) < 132 || string(icc[36:40]) != "acsp" {
		return nil, refusef(UnsupportedProfile, "not an ICC profile")
	}
	space := string(icc[16:20])
	if space == "GRAY" {
		return nil, nil
	}
	if space != "RGB " || string(icc[20:24]) != "XYZ " {
		return nil, refusef(UnsupportedProfile, "colour space %.4q to %.4q: only RGB to XYZ is known", space, icc[20:24])
	}
	tags := tagTable(icc)
	p := &profile{}
	var toXYZ [3][3]float64
	for i, c := range []string{"r", "g", "b"} {
		xyz, trc := tags[c+"XYZ"], tags[c+"TRC"]
		if len(xyz) < 20 || len(trc) < 12 {
			return nil, refusef(UnsupportedProfile, "colours by tables: only a matrix and curves are known")
		}
		for j := range 3 {
			toXYZ[j][i] = fixed(xyz[8+4*j:])
		}
		var err error
		if p.curves[i], err = parseCurve(trc); err != nil {
			return nil, err
		}
	}
	p.matrix = multiply(fromXYZ(), toXYZ)
	if p.isSRGB() {
		return nil, nil
	}
	return p, nil
}

// tagTable returns the tags that lie inside the profile.
func tagTable(icc []byte) map[string][]byte {
	tags := map[string][]byte{}
	n := min(binary.BigEndian.Uint32(icc[128:]), 100)
	for i := range int(n) {
		at := 132 + 12*i
		if at+12 > len(icc) {
			break
		}
		from, size := uint64(binary.BigEndian.Uint32(icc[at+4:])), uint64(binary.BigEndian.Uint32(icc[at+8:]))
		if from+size <= uint64(len(icc)) {
			tags[string(icc[at:at+4])] = icc[from : from+size]
		}
	}
	return tags
}

// fixed is s15Fixed16Number.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// fromXYZ takes XYZ relative to D50, the connection space, to linear sRGB: the
// inverse of the colorants in the sRGB profile (IEC 61966-2-1, adapted by Bradford).
func fromXYZ() [3][3]float64 {
	return [3][3]float64{
		{3.1338561, -1.6168667, -0.4906146},
		{-0.9787684, 1.9161415, 0.0334540},
		{0.0719453, -0.2289914, 1.4052427},
	}
}

func multiply(a, b [3][3]float64) (c [3][3]float64) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				c[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return c
}

// isSRGB reports whether the profile is one of the many that spell out sRGB: then
// the fast way is the same to the last digit.
func (p *profile) isSRGB() bool {
	for i := range 3 {
		for j := range 3 {
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(p.matrix[i][j]-want) > 0.005 {
				return false
			}
		}
		for _, x := range []float64{0.05, 0.2, 0.5, 0.8} {
			if math.Abs(p.curves[i](x)-fromSRGB(x)) > 0.004 {
				return false
			}
		}
	}
	return true
}
