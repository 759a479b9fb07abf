// Package access knows the keys of a namespace: which rights each gives, and
// whether a shared access signature was made with one of them.
//
// Format of the tokens:
// https://learn.microsoft.com/rest/api/eventhub/generate-sas-token
package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Rights are what a key allows. Manage includes the other two.
type Rights uint8

// Rights of a key.
const (
	Send Rights = 1 << iota
	Listen
	manageOnly
	Manage = Send | Listen | manageOnly
)

// Has says whether all wanted rights are there.
func (r Rights) Has(wanted Rights) bool { return r&wanted == wanted }

// String is the name of the service for the right.
func (r Rights) String() string {
	switch r {
	case Send:
		return "Send"
	case Listen:
		return "Listen"
	}
	return "Manage"
}

// Key is one key of a namespace.
type Key struct {
	Name, Secret string
	Rights       Rights
}

// Keys are the keys of a namespace. Without keys everything is allowed.
type Keys []Key

// Login returns the rights of a key that is named with its secret.
func (k Keys) Login(name, secret string) (Rights, bool) {
	for _, key := range k {
		if key.Name == name && same(key.Secret, secret) {
			return key.Rights, true
		}
	}
	return 0, len(k) == 0
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Grant is what a token allows.
type Grant struct {
	Rights  Rights
	Path    string // of an entity and all below it; "" is the namespace
	Expires time.Time
}

// Verify checks a shared access signature and returns what it grants. Without
// keys any token grants everything.
func (k Keys) Verify(token string, now time.Time) (Grant, error) {
	if len(k) == 0 {
		return Grant{Rights: Manage, Expires: now.Add(1000 * time.Hour)}, nil
	}
	fields, err := parse(token)
	if err != nil {
		return Grant{}, err
	}
	expires, err := strconv.ParseInt(fields["se"], 10, 64)
	if err != nil {
		return Grant{}, fmt.Errorf("MalformedToken: the expiry %q is no number", fields["se"])
	}
	rights, ok := k.signed(fields)
	if !ok {
		return Grant{}, fmt.Errorf("InvalidSignature: The token has an invalid signature")
	}
	if at := time.Unix(expires, 0); !now.Before(at) {
		return Grant{}, fmt.Errorf("ExpiredToken: The token is expired. Expiration time: '%s'", at.UTC().Format(time.RFC3339))
	}
	audience, err := url.QueryUnescape(fields["sr"])
	if err != nil {
		return Grant{}, fmt.Errorf("MalformedToken: the audience is not escaped")
	}
	return Grant{rights, Path(audience), time.Unix(expires, 0)}, nil
}

func parse(token string) (map[string]string, error) {
	rest, ok := strings.CutPrefix(token, "SharedAccessSignature ")
	if !ok || len(token) > 4096 {
		return nil, fmt.Errorf("MalformedToken: not a shared access signature")
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, "&") {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	return fields, nil
}

// signed looks for the key and compares the signature over audience and expiry
// as they stand in the token.
func (k Keys) signed(fields map[string]string) (Rights, bool) {
	sig, err := url.QueryUnescape(fields["sig"])
	name, nameErr := url.QueryUnescape(fields["skn"])
	if err != nil || nameErr != nil {
		return 0, false
	}
	for _, key := range k {
		mac := hmac.New(sha256.New, []byte(key.Secret))
		mac.Write([]byte(fields["sr"] + "\n" + fields["se"]))
		want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if key.Name == name && same(want, sig) {
			return key.Rights, true
		}
	}
	return 0, false
}

// Path returns the path of an entity from a path, or from a URI such as
// amqps://host/entity or sb://host:port/entity: clients send both.
func Path(address string) string {
	address, _, _ = strings.Cut(address, "?")
	if _, rest, ok := strings.Cut(address, "://"); ok {
		_, address, _ = strings.Cut(rest, "/")
	} else if host, rest, _ := strings.Cut(address, "/"); strings.Contains(host, ":") {
		address = rest // host:port without a scheme
	}
	return strings.Trim(address, "/")
}

// Covers says whether the grant is for an entity: for the entity itself, or for
// what it is in.
func (g Grant) Covers(path string) bool {
	grant, path := strings.ToLower(g.Path), strings.ToLower(path)
	return grant == "" || path == grant || strings.HasPrefix(path, grant+"/")
}
