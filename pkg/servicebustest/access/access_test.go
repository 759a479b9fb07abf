package access_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/access"
)

func token(audience, name, secret string, expires time.Time) string {
	sr := url.QueryEscape(audience)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s\n%d", sr, expires.Unix())
	return fmt.Sprintf("SharedAccessSignature sr=%s&sig=%s&se=%d&skn=%s", sr,
		url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))), expires.Unix(), name)
}

func TestATokenGrantsWhatItsKeyAllows(t *testing.T) {
	now := time.Unix(1000, 0)
	keys := access.Keys{{Name: "s", Secret: "x", Rights: access.Send}, {Name: "m", Secret: "y", Rights: access.Manage}}
	g, err := keys.Verify(token("sb://host:1/Queue/sub", "s", "x", now.Add(time.Minute)), now)
	if err != nil || g.Path != "Queue/sub" || !g.Rights.Has(access.Send) || g.Rights.Has(access.Listen) || !g.Expires.Equal(now.Add(time.Minute)) {
		t.Errorf("grant %+v, %v", g, err)
	}
	if g, err := keys.Verify(token("sb://host/", "m", "y", now.Add(time.Minute)), now); err != nil || !g.Rights.Has(access.Send|access.Listen) || !g.Covers("any/thing") {
		t.Errorf("grant %+v, %v", g, err)
	}
	valid := token("sb://host/q", "s", "x", now.Add(time.Minute))
	for what, bad := range map[string]string{
		"MalformedToken":   "jwt",
		"InvalidSignature": strings.Replace(valid, "skn=s", "skn=m", 1),
		"ExpiredToken":     token("sb://host/q", "s", "x", now),
	} {
		if _, err := keys.Verify(bad, now); err == nil || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, change := range []string{"host%2Fq", "se=1060"} {
		if _, err := keys.Verify(strings.Replace(valid, change, change+"0", 1), now); err == nil {
			t.Errorf("a token with another %s is valid", change)
		}
	}
}

func TestWithoutKeysEverythingIsAllowed(t *testing.T) {
	if g, err := access.Keys(nil).Verify("anything", time.Now()); err != nil || !g.Rights.Has(access.Manage) || !g.Covers("q") {
		t.Errorf("grant %+v, %v", g, err)
	}
	if r, ok := access.Keys(nil).Login("a", "b"); !ok {
		t.Errorf("login %v, %t", r, ok)
	}
}

func TestALoginNeedsTheSecret(t *testing.T) {
	keys := access.Keys{{Name: "s", Secret: "x", Rights: access.Send}}
	if r, ok := keys.Login("s", "x"); !ok || r != access.Send {
		t.Errorf("login %v, %t", r, ok)
	}
	for _, pair := range [][2]string{{"s", "y"}, {"x", "s"}, {"", ""}} {
		if _, ok := keys.Login(pair[0], pair[1]); ok {
			t.Errorf("login with %q", pair)
		}
	}
}

func TestPathsOfEntitiesComeInManyForms(t *testing.T) {
	for address, want := range map[string]string{
		"q": "q", "/q/": "q", "sb://host/q": "q", "amqps://127.0.0.1:5672/t/Subscriptions/s": "t/Subscriptions/s",
		"host:5672": "", "host:5672/q": "q", "sb://host": "", "https://host/q?api-version=1": "q", "": "",
	} {
		if got := access.Path(address); got != want {
			t.Errorf("Path(%q) = %q, want %q", address, got, want)
		}
	}
	g := access.Grant{Path: "Q"}
	for path, want := range map[string]bool{"q": true, "q/$DeadLetterQueue": true, "qq": false, "": false} {
		if g.Covers(path) != want {
			t.Errorf("Q covers %q: %t", path, !want)
		}
	}
}
