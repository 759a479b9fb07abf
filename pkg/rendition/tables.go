package rendition

// tables take stored values to linear light, and with a profile to sRGB's primaries.
type tables struct {
	eight   [3][256]uint16  // of 8 bits
	sixteen [3][4096]uint16 // of 16 bits, by the upper 12; between them it is interpolated
	matrix  *[3][3]int64    // 16 fraction bits; nil: the primaries are sRGB's
}

func newTables(p *profile) *tables {
	t := &tables{}
	curves := [3]curve{fromSRGB, fromSRGB, fromSRGB}
	if p != nil {
		curves = p.curves
		t.matrix = &[3][3]int64{}
		for i := range 3 {
			for j := range 3 {
				t.matrix[i][j] = int64(max(-8, min(8, p.matrix[i][j])) * 65536)
			}
		}
	}
	for c, f := range curves {
		for i := range t.eight[c] {
			t.eight[c][i] = whole(f(float64(i) / 255))
		}
		for i := range t.sixteen[c] {
			t.sixteen[c][i] = whole(f(float64(i) / 4095))
		}
	}
	return t
}

// whole takes 0 to 1 to 16 bits; what is no number is black.
func whole(x float64) uint16 {
	if !(x > 0) {
		return 0
	}
	return uint16(min(x, 1)*65535 + 0.5)
}

// linear converts a pixel of 16 bits a channel.
func (t *tables) linear(r, g, b uint16) (uint16, uint16, uint16) {
	return t.primaries(t.between(0, r), t.between(1, g), t.between(2, b))
}

func (t *tables) between(c int, v uint16) uint16 {
	place := uint32(v) * 4095 // 16 fraction bits, nearly
	i, rest := place/65535, place%65535
	if i == 4095 {
		return t.sixteen[c][i]
	}
	a, b := int64(t.sixteen[c][i]), int64(t.sixteen[c][i+1])
	return uint16(a + (b-a)*int64(rest)/65535)
}

// primaries converts linear light to that of sRGB; colours beyond it are cut.
func (t *tables) primaries(r, g, b uint16) (uint16, uint16, uint16) {
	if t.matrix == nil {
		return r, g, b
	}
	m := t.matrix
	row := func(i int) uint16 {
		v := (m[i][0]*int64(r) + m[i][1]*int64(g) + m[i][2]*int64(b)) >> 16
		return uint16(max(0, min(v, 65535)))
	}
	return row(0), row(1), row(2)
}
