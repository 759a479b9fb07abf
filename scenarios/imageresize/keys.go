package imageresize

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Names in the uploads bucket are in/<id>/<name as its sender called it>. An id is
// the hour of its making, 16 random characters and a check:
//
//	2026112414-Q7C3ZB5NKX2MWJ4T-6H2YD3PA
//
// The hour lets the sweeper list what is new, and the check, keyed, lets the api
// refuse an id that it did not make without asking anybody.
const (
	uploadPrefix = "in/"
	hourLayout   = "2006010215"
	randomChars  = 16
	checkChars   = 8
	maxName      = 200 // bytes; a key has at most 1024 and may be encoded
)

// ids makes and checks the ids of uploads.
type ids struct{ key []byte }

func (i ids) make(now time.Time) string {
	id := now.UTC().Format(hourLayout) + "-" + rand.Text()[:randomChars]
	return id + "-" + i.check(id)
}

func (i ids) check(id string) string {
	mac := hmac.New(sha256.New, i.key)
	mac.Write([]byte(id))
	return base32.StdEncoding.EncodeToString(mac.Sum(nil))[:checkChars]
}

func (i ids) valid(id string) bool {
	at := len(hourLayout) + 1 + randomChars
	if len(id) != at+1+checkChars || id[at] != '-' {
		return false
	}
	return hmac.Equal([]byte(i.check(id[:at])), []byte(id[at+1:]))
}

var (
	errNameLong    = fmt.Errorf("name must have 1 to %d bytes", maxName)
	errNameChars   = errors.New("name must be UTF-8 without control characters and slashes")
	errNameSpecial = errors.New("name must not be dots alone")
)

// validName takes what people call their files, in any script, with any spaces.
func validName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return errNameLong
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }):
		return errNameChars
	case name == "." || name == "..":
		return errNameSpecial
	}
	return nil
}

func uploadKey(id, name string) string { return uploadPrefix + id + "/" + name }

// recipe names how copies are made. Change it with the sizes, the filter or the
// quality: copies of another recipe are other objects.
const recipe = "1"

// objectKey names a size of a version. Key and version are hashed together: a key
// may have 1024 bytes, and leave no room for more.
func objectKey(v Version, name, contentType string) string {
	sum := sha256.Sum256([]byte(v.Key + "\x00" + v.ID))
	return fmt.Sprintf("%x/%s/%s%s", sum[:16], recipe, name, extension(contentType))
}

func extension(contentType string) string {
	if contentType == "image/png" {
		return ".png"
	}
	return ".jpg"
}
