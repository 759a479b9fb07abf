package encoding_test

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/encoding"
)

func TestWhatIsEncodedIsDecodedAgain(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, v := range []any{
		nil, true, false,
		uint8(7), uint16(7), uint32(0), uint32(7), uint32(70000), uint64(0), uint64(7), uint64(1) << 63,
		int8(-7), int16(-7), int32(-7), int32(70000), int64(-7), int64(1) << 40,
		float32(1.5), 1.5, encoding.Char('ä'), encoding.Decimal("1234"), encoding.Decimal("12345678"),
		time.UnixMilli(1700000000123).UTC(), time.UnixMilli(-5).UTC(),
		encoding.UUID{1, 2, 3},
		[]byte{},
		[]byte("abc"), []byte(long), "", "äbc", long, encoding.Symbol("s"), encoding.Symbol(long),
		encoding.List{},
		encoding.List{nil, "a", encoding.List{int32(1)}},
		encoding.Map{},
		encoding.Map{{Key: "k", Value: uint32(1)}, {Key: encoding.Symbol("s"), Value: encoding.Map{}}, {Key: encoding.List{"unhashable"}, Value: nil}},
		encoding.Array{},
		encoding.Array{int64(1), int64(1) << 40},
		encoding.Array{"a", long},
		encoding.Array{encoding.UUID{1}, encoding.UUID{2}},
		encoding.Array{true, false},
		encoding.Array{encoding.List{}, encoding.List{"x"}},
		encoding.Array{encoding.Array{"a"}, encoding.Array{"b", "c"}},
		encoding.Described{Descriptor: uint64(0x24), Value: encoding.List{}},
		encoding.Array{encoding.Described{Descriptor: encoding.Symbol("d"), Value: "a"}, encoding.Described{Descriptor: encoding.Symbol("d"), Value: "b"}},
	} {
		encoded := encoding.Append(nil, v)
		got, rest, err := encoding.Decode(append(encoded, "rest"...))
		if err != nil || string(rest) != "rest" || !reflect.DeepEqual(got, v) {
			t.Errorf("Decode(Append(%#v)) = %#v, rest %q, %v", v, got, rest, err)
		}
		if rest, err := encoding.Skip(append(encoded, "rest"...)); err != nil || string(rest) != "rest" {
			t.Errorf("Skip(Append(%#v)) = %q, %v", v, rest, err)
		}
	}
}

func TestGoSlicesAreArraysOfTheirType(t *testing.T) {
	at := time.UnixMilli(5).UTC()
	for _, c := range []struct {
		v    any
		want encoding.Array
	}{
		{[]encoding.Symbol{"a"}, encoding.Array{encoding.Symbol("a")}},
		{[]string{"a", "b"}, encoding.Array{"a", "b"}},
		{[]int64{1}, encoding.Array{int64(1)}},
		{[]encoding.UUID{{9}}, encoding.Array{encoding.UUID{9}}},
		{[]time.Time{at}, encoding.Array{at}},
	} {
		if got, _, err := encoding.Decode(encoding.Append(nil, c.v)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Decode(Append(%#v)) = %#v, %v; want %#v", c.v, got, err, c.want)
		}
	}
}

func TestEveryFormOfAnIntegerIsRead(t *testing.T) {
	for _, c := range []struct {
		b    string
		want any
	}{
		{"\x43", uint32(0)},
		{"\x52\xff", uint32(255)},
		{"\x70\x00\x00\x01\x00", uint32(256)},
		{"\x44", uint64(0)},
		{"\x53\x01", uint64(1)},
		{"\x54\xff", int32(-1)},
		{"\x71\xff\xff\xff\xff", int32(-1)},
		{"\x55\xff", int64(-1)},
		{"\x56\x01", true},
		{"\x56\x00", false},
	} {
		if got, _, err := encoding.Decode([]byte(c.b)); err != nil || got != c.want {
			t.Errorf("Decode(%x) = %#v, %v; want %#v", c.b, got, err, c.want)
		}
	}
}

func TestBadInputIsAnError(t *testing.T) {
	deep := bytes.Repeat([]byte{0xc0, 0xff, 0x01}, 100)
	descriptors := bytes.Repeat([]byte{0}, 100)
	arrays := bytes.Repeat([]byte{0xf0, 0, 0, 1, 0, 0, 0, 0, 1}, 100)
	for name, c := range map[string]struct {
		b    string
		want error
	}{
		"nothing":                         {"", encoding.ErrShort},
		"a uint without its bytes":        {"\x70\x00", encoding.ErrShort},
		"a string longer than the input":  {"\xb1\xff\xff\xff\xff", encoding.ErrShort},
		"a list with more than its bytes": {"\xd0\x00\x00\x00\x04\xff\xff\xff\xff", encoding.ErrLength},
		"a map with one element":          {"\xc1\x02\x01\x40", encoding.ErrLength},
		"a list with bytes left over":     {"\xc0\x03\x01\x40\x40", encoding.ErrLength},
		"an array of a billion nulls":     {"\xf0\x00\x00\x00\x05\x40\x00\x00\x00\x40", encoding.ErrLength},
		"an unknown code":                 {"\x3f", encoding.ErrCode},
		"an unknown code with bytes":      {"\x5f\x00", encoding.ErrCode},
		"lists in lists":                  {string(deep), nil},
		"descriptors of descriptors":      {string(descriptors), encoding.ErrDeep},
		"arrays in arrays":                {string(arrays), nil},
	} {
		_, _, err := encoding.Decode([]byte(c.b))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestLengthFieldsDoNotAllocate gives lengths of gigabytes that nothing backs.
func TestLengthFieldsDoNotAllocate(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, code := range []byte{0xa0, 0xa1, 0xb0, 0xb1, 0xb3, 0xd0, 0xd1, 0xf0} {
		for range 1000 {
			b := []byte{code, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x40}
			if _, _, err := encoding.Decode(b); err == nil {
				t.Fatalf("code %#x: no error", code)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 10<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

func TestFieldsOfOtherTypesReadAsTheirDefaults(t *testing.T) {
	b := encoding.AppendComposite(nil, 0x10, "name", nil, uint32(7), true, encoding.Map{{Key: "k", Value: "v"}})
	code, f, _, err := encoding.DecodeComposite(b)
	if err != nil || code != 0x10 {
		t.Fatal(code, err)
	}
	if f.Text(0) != "name" || f.Has(1) || f.Uint32(2, 1) != 7 || !f.Bool(3) || f.Uint32(0, 5) != 5 || f.Bool(9) || f.Text(2) != "" {
		t.Errorf("fields %v", f)
	}
	if v, ok := f.Map(4).Get("k"); !ok || v != "v" {
		t.Errorf("map %v", f.Map(4))
	}
	if _, _, _, err := encoding.DecodeComposite([]byte{0x40}); !errors.Is(err, encoding.ErrNotFound) {
		t.Errorf("a null as composite: %v", err)
	}
}

func TestIntegersOfAnyTypeAreIntegers(t *testing.T) {
	for _, v := range []any{int8(5), int16(5), int32(5), int64(5), uint8(5), uint16(5), uint32(5), uint64(5)} {
		if n, ok := encoding.Integer(v); n != 5 || !ok {
			t.Errorf("Integer(%T) = %d, %t", v, n, ok)
		}
	}
	for _, v := range []any{nil, "5", 5.0, uint64(1) << 63} {
		if _, ok := encoding.Integer(v); ok {
			t.Errorf("Integer(%#v) is one", v)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoding.Append(nil, encoding.List{nil, "a", uint32(1), encoding.Map{{Key: encoding.Symbol("k"), Value: encoding.Array{"x"}}}}))
	f.Add(encoding.AppendComposite(nil, 0x14, uint32(1), []byte("tag")))
	f.Add([]byte("\xf0\x00\x00\x00\x06\x00\x00\x00\x01\x00\x40"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := encoding.Decode(b)
		checked, checkErr := encoding.Check(b)
		if (err == nil) != (checkErr == nil) || len(checked) != len(rest) {
			t.Fatalf("Decode: %d bytes left, %v; Check: %d, %v", len(rest), err, len(checked), checkErr)
		}
		after, skipErr := encoding.Skip(b)
		if err != nil {
			return
		}
		if skipErr != nil || len(after) != len(rest) {
			t.Fatalf("Decode leaves %d bytes, Skip %d, %v", len(rest), len(after), skipErr)
		}
		again, _, err := encoding.Decode(encoding.Append(nil, v))
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if !bytes.Equal(encoding.Append(nil, again), encoding.Append(nil, v)) {
			t.Fatalf("%#v became %#v", v, again)
		}
	})
}
