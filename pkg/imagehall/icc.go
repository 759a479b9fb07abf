package imagehall

import (
	"encoding/binary"
	"math"
)

// header4 is the 128 bytes before a profile's tags (ICC.1:2022, table 17), and an
// empty list of them.
func header4(space, connection string) []byte {
	h := make([]byte, 132)
	h[8] = 4 // version
	copy(h[12:], "mntr")
	copy(h[16:], space)
	copy(h[20:], connection)
	copy(h[36:], "acsp")
	binary.BigEndian.PutUint32(h, uint32(len(h)))
	return h
}

// matrixProfile is a profile of colorants, relative to D50, and one curve for all.
func matrixProfile(colorants [3][3]float64, curve []byte) []byte {
	names := []string{"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"}
	var bodies [][]byte
	for _, c := range colorants {
		xyz := []byte("XYZ \x00\x00\x00\x00")
		for _, v := range c {
			xyz = binary.BigEndian.AppendUint32(xyz, uint32(int32(math.Round(v*65536))))
		}
		bodies = append(bodies, xyz)
	}
	return tagged(header4("RGB ", "XYZ "), names, append(bodies, curve, curve, curve))
}

// tagged appends tags to a header.
func tagged(icc []byte, names []string, bodies [][]byte) []byte {
	binary.BigEndian.PutUint32(icc[128:], uint32(len(names)))
	at := 132 + 12*len(names)
	for i, name := range names {
		icc = append(icc, name...)
		icc = binary.BigEndian.AppendUint32(icc, uint32(at))
		icc = binary.BigEndian.AppendUint32(icc, uint32(len(bodies[i])))
		at += len(bodies[i])
	}
	for _, b := range bodies {
		icc = append(icc, b...)
	}
	binary.BigEndian.PutUint32(icc, uint32(len(icc)))
	return icc
}

// curveSRGB is the curve of sRGB as parametric function 3.
func curveSRGB() []byte {
	c := []byte("para\x00\x00\x00\x00\x00\x03\x00\x00")
	for _, v := range []float64{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045} {
		c = binary.BigEndian.AppendUint32(c, uint32(int32(math.Round(v*65536))))
	}
	return c
}

// colorantsSRGB are those of the sRGB profile of the ICC.
func colorantsSRGB() [3][3]float64 {
	return [3][3]float64{{0.43607, 0.22249, 0.01392}, {0.38515, 0.71687, 0.09708}, {0.14307, 0.06061, 0.71410}}
}

func sRGB() []byte { return matrixProfile(colorantsSRGB(), curveSRGB()) }

func swappedRGB() []byte {
	c := colorantsSRGB()
	c[0], c[1] = c[1], c[0]
	return matrixProfile(c, curveSRGB())
}

// displayP3 has the colorants that Apple's profile names.
func displayP3() []byte {
	return matrixProfile([3][3]float64{{0.51512, 0.24120, -0.00105}, {0.29198, 0.69225, 0.04189}, {0.15710, 0.06657, 0.78407}}, curveSRGB())
}

// tableProfile has a table from device to connection space, and no matrix.
func tableProfile() []byte {
	return tagged(header4("RGB ", "Lab "), []string{"A2B0"}, [][]byte{append([]byte("mft2\x00\x00\x00\x00\x03\x03\x02\x00"), make([]byte, 200)...)})
}
