package imageresize

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTheSweepersEventReadsAsS3s(t *testing.T) {
	for _, key := range []string{"in/a b.jpg", "in/a+b.jpg", "in/100%25.jpg", "in/ü/写真.jpg", "in/a=b&c?d#e"} {
		v := Version{Key: key, ID: "v1", ETag: "e"}
		body, err := lostEvent("uploads", v, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parse(body, "uploads"); err != nil || len(got) != 1 || got[0] != v {
			t.Errorf("event of %q reads as %+v, %v", key, got, err)
		}
	}
}

func TestS3sOwnKeysAreDecoded(t *testing.T) {
	const body = `{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Post","s3":{"bucket":{"name":"uploads"},"object":{"key":"in/a+b%2Bc%C3%BC.jpg","eTag":"e","versionId":"v1"}}}]}`
	got, err := parse(body, "uploads")
	if err != nil || len(got) != 1 || got[0].Key != "in/a b+cü.jpg" {
		t.Errorf("parse = %+v, %v", got, err)
	}
}

func TestTheTestEventIsNoError(t *testing.T) {
	if _, err := parse(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"uploads"}`, "uploads"); !errors.Is(err, errTest) {
		t.Errorf("parse = %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"uploads"},"object":{"key":"in/a","versionId":"v"}}}]}`)
	f.Add(`{"Event":"s3:TestEvent"}`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parse(body, "uploads")
		if err != nil {
			return
		}
		for _, v := range got {
			if v.Key == "" || v.ID == "" {
				t.Errorf("parse(%q) = %+v", body, got)
			}
		}
	})
}

func TestIDsAreTheirOwnMakersOnly(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	ours, others := ids{[]byte("key")}, ids{[]byte("another key")}
	id := ours.make(now)
	if !ours.valid(id) || others.valid(id) || !strings.HasPrefix(id, "2026112414-") {
		t.Errorf("id %q: valid %v, for others %v", id, ours.valid(id), others.valid(id))
	}
	for _, bad := range []string{"", id[:len(id)-1], id + "A", strings.ToLower(id), "../" + id, "2026112415" + id[10:]} {
		if ours.valid(bad) {
			t.Errorf("%q is valid", bad)
		}
	}
}

func TestNamesOfFiles(t *testing.T) {
	for name, ok := range map[string]bool{
		"photo.jpg": true, "my photo (1).jpg": true, "写真 ✓.png": true, "..jpg": true, strings.Repeat("x", 200): true,
		"": false, ".": false, "..": false, "a/b": false, `a\b`: false, "a\nb": false, "a\x00b": false, "\xff": false, strings.Repeat("x", 201): false,
	} {
		if err := validName(name); (err == nil) != ok {
			t.Errorf("validName(%q) = %v", name, err)
		}
	}
}

func TestCopiesAreNamedByKeyAndVersion(t *testing.T) {
	seen := map[string]Version{}
	for _, v := range []Version{{Key: "in/a", ID: "1"}, {Key: "in/a", ID: "2"}, {Key: "in/b", ID: "1"}, {Key: "in/a\x001", ID: ""}} {
		key := objectKey(v, "small", "image/jpeg")
		if other, taken := seen[key]; taken || !strings.HasSuffix(key, "/small.jpg") {
			t.Errorf("%+v and %+v are both %s", v, other, key)
		}
		seen[key] = v
	}
}
