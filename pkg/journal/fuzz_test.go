package journal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzOpen gives Open a segment of arbitrary frames behind a valid start: it
// must read or refuse it, and what it read once it must read again.
func FuzzOpen(f *testing.F) {
	s := start{number: 1, seq: 0, salt: 42}
	good := newGroup(0, 1, nil)
	good.add([]byte("hello"))
	good.add(nil)
	seal(good.frame, s.salt, 0, kindRecords)
	f.Add(good.frame)
	f.Add(append(bytes.Clone(good.frame), good.frame...))
	f.Add(good.frame[:len(good.frame)-1])
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, frames []byte) {
		dir := t.TempDir()
		name := filepath.Join(dir, fileName(1, segmentSuffix))
		if err := os.WriteFile(name, append(s.encode(), frames...), 0o600); err != nil {
			t.Fatal(err)
		}
		first, err := replayed(dir)
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		second, err := replayed(dir)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("first %q, then %q, %v", first, second, err)
		}
	})
}

// replayed opens and closes a journal and returns its records, joined.
func replayed(dir string) ([]byte, error) {
	var all []byte
	j, err := Open(Directory(dir), Options{}, func(record []byte) error {
		all = appendRecord(all, record)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, j.Close()
}

// FuzzFrame: what was framed is read back; the same bytes with one of them
// changed, or under another salt, are not.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("hello"), []byte(""), uint64(7), uint16(3))
	f.Fuzz(func(t *testing.T, a, b []byte, salt uint64, flip uint16) {
		g := newGroup(9, 1, nil)
		g.add(a)
		g.add(b)
		seal(g.frame, salt, 9, kindRecords)
		var got [][]byte
		payload, _, err := frameOf(g.frame, salt)
		if err == nil {
			err = records(payload, func(r []byte) error { got = append(got, bytes.Clone(r)); return nil })
		}
		if err != nil || len(got) != 2 || !bytes.Equal(got[0], a) || !bytes.Equal(got[1], b) {
			t.Fatalf("read back %q, %v", got, err)
		}
		if _, _, err := frameOf(g.frame, salt+1); !errors.Is(err, errDamaged) {
			t.Errorf("under another salt: %v", err)
		}
		g.frame[int(flip)%len(g.frame)] ^= 0x10
		if _, _, err := frameOf(g.frame, salt); !errors.Is(err, errDamaged) {
			t.Errorf("with a byte changed: %v", err)
		}
	})
}

func frameOf(b []byte, salt uint64) ([]byte, byte, error) {
	r := frameReader{r: bytes.NewReader(b), salt: salt, seq: 9}
	return r.next()
}

func TestARecordThatLooksLikeAFrameIsNotTakenForOne(t *testing.T) {
	const salt = 42
	sent := newGroup(5, 1, nil) // a client cannot know the salt
	sent.add([]byte("trap"))
	seal(sent.frame, salt+1, 5, kindRecords)
	if validFollows(append([]byte("torn"), sent.frame...), salt, 4) {
		t.Error("bytes of a client pass for a synced frame")
	}
	seal(sent.frame, salt, 5, kindRecords)
	if !validFollows(append([]byte("torn"), sent.frame...), salt, 4) {
		t.Error("a synced frame was not found")
	}
}

func TestAFrameIsReadToItsEndOnly(t *testing.T) {
	g := newGroup(9, 1, nil)
	g.add([]byte("x"))
	seal(g.frame, 1, 9, kindRecords)
	for n := range g.frame {
		_, _, err := frameOf(g.frame[:n], 1)
		if n == 0 && !errors.Is(err, io.EOF) || n > 0 && !errors.Is(err, errDamaged) {
			t.Errorf("%d bytes of a frame: %v", n, err)
		}
	}
}
