package webhooksig_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/webhooksig"
)

const body = `{"id":"evt_1"}`

func now() time.Time { return time.Unix(1764000000, 0) }

func keys(names ...string) (all webhooksig.Keys) {
	for _, name := range names {
		all = append(all, []byte("the key of the sender "+name))
	}
	return all
}

func header(name string, values ...string) http.Header {
	h := http.Header{}
	for _, v := range values {
		h.Add(name, v)
	}
	return h
}

func TestStripe(t *testing.T) {
	sign := func(at time.Time, names ...string) string {
		return webhooksig.SignStripe(keys(names...), at, []byte(body))
	}
	good := sign(now(), "a")
	sum := strings.TrimPrefix(good, "t=1764000000,")
	for _, tt := range []struct {
		name   string
		header http.Header
		want   error
	}{
		{"good", header("Stripe-Signature", good), nil},
		{"with spaces and an older scheme", header("Stripe-Signature", "t=1764000000, v0=abc, "+sum), nil},
		{"the other active key", header("Stripe-Signature", sign(now(), "b")), nil},
		{"both keys of a rotation, one unknown here", header("Stripe-Signature", sign(now(), "c", "b")), nil},
		{"at the end of the tolerance", header("Stripe-Signature", sign(now().Add(-5*time.Minute), "a")), nil},
		{"a retired key", header("Stripe-Signature", sign(now(), "c")), webhooksig.ErrMismatch},
		{"another time than the signed one", header("Stripe-Signature", "t=1764000001,"+sum), webhooksig.ErrMismatch},
		{"old", header("Stripe-Signature", sign(now().Add(-5*time.Minute-time.Second), "a")), webhooksig.ErrTime},
		{"of the future", header("Stripe-Signature", sign(now().Add(6*time.Minute), "a")), webhooksig.ErrTime},
		{"no header", http.Header{}, webhooksig.ErrMissing},
		{"the other scheme's header", header("X-Hub-Signature-256", good), webhooksig.ErrMissing},
		{"two headers", header("Stripe-Signature", good, good), webhooksig.ErrMalformed},
		{"empty", header("Stripe-Signature", ""), webhooksig.ErrMalformed},
		{"no time", header("Stripe-Signature", sum), webhooksig.ErrMalformed},
		{"two times", header("Stripe-Signature", "t=1764000000,"+good), webhooksig.ErrMalformed},
		{"a time with a sign", header("Stripe-Signature", "t=+1764000000,"+sum), webhooksig.ErrMalformed},
		{"a time before all times", header("Stripe-Signature", "t=-1,"+sum), webhooksig.ErrMalformed},
		{"a time beyond any integer", header("Stripe-Signature", "t=99999999999999999999,"+sum), webhooksig.ErrMalformed},
		{"no signature", header("Stripe-Signature", "t=1764000000"), webhooksig.ErrMalformed},
		{"a short signature", header("Stripe-Signature", good[:len(good)-2]), webhooksig.ErrMalformed},
		{"a long signature", header("Stripe-Signature", good+"00"), webhooksig.ErrMalformed},
		{"a signature that is not hexadecimal", header("Stripe-Signature", good[:len(good)-1]+"x"), webhooksig.ErrMalformed},
		{"very many signatures", header("Stripe-Signature", "t=1764000000"+strings.Repeat(","+sum, 9)), webhooksig.ErrMalformed},
		{"a very long header", header("Stripe-Signature", good+strings.Repeat(" ", webhooksig.MaxHeader)), webhooksig.ErrMalformed},
	} {
		claim, err := webhooksig.Stripe{Keys: keys("a", "b")}.Claim(tt.header, now())
		if err == nil {
			err = claim.Verify([]byte(body))
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestGitHub(t *testing.T) {
	good := webhooksig.SignGitHub(keys("a")[0], []byte(body))
	for _, tt := range []struct {
		name   string
		header http.Header
		want   error
	}{
		{"good", header("X-Hub-Signature-256", good), nil},
		{"the other active key", header("X-Hub-Signature-256", webhooksig.SignGitHub(keys("b")[0], []byte(body))), nil},
		{"capitals", header("X-Hub-Signature-256", "sha256="+strings.ToUpper(good[7:])), nil},
		{"a retired key", header("X-Hub-Signature-256", webhooksig.SignGitHub(keys("c")[0], []byte(body))), webhooksig.ErrMismatch},
		{"no header", http.Header{}, webhooksig.ErrMissing},
		{"SHA-1", header("X-Hub-Signature", "sha1=0123456789012345678901234567890123456789"), webhooksig.ErrMissing},
		{"two headers", header("X-Hub-Signature-256", good, good), webhooksig.ErrMalformed},
		{"without the algorithm", header("X-Hub-Signature-256", good[7:]), webhooksig.ErrMalformed},
		{"another algorithm", header("X-Hub-Signature-256", "sha512="+good[7:]), webhooksig.ErrMalformed},
		{"short", header("X-Hub-Signature-256", good[:len(good)-2]), webhooksig.ErrMalformed},
		{"long", header("X-Hub-Signature-256", good+"00"), webhooksig.ErrMalformed},
		{"two in one", header("X-Hub-Signature-256", good+","+good), webhooksig.ErrMalformed},
	} {
		claim, err := webhooksig.GitHub{Keys: keys("a", "b")}.Claim(tt.header, now())
		if err == nil {
			err = claim.Verify([]byte(body))
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestEveryByteOfTheBodyCounts(t *testing.T) {
	claim, err := webhooksig.GitHub{Keys: keys("a")}.Claim(header("X-Hub-Signature-256", webhooksig.SignGitHub(keys("a")[0], []byte(body))), now())
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		changed := []byte(body)
		changed[i] ^= 1
		if err := claim.Verify(changed); !errors.Is(err, webhooksig.ErrMismatch) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for _, other := range []string{"", body + "\n", " " + body} {
		if err := claim.Verify([]byte(other)); !errors.Is(err, webhooksig.ErrMismatch) {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// TestWithoutKeysNothingIsBelieved holds the mistake of an empty configuration.
func TestWithoutKeysNothingIsBelieved(t *testing.T) {
	claim, err := webhooksig.GitHub{}.Claim(header("X-Hub-Signature-256", webhooksig.SignGitHub(nil, []byte(body))), now())
	if err != nil || claim.Verify([]byte(body)) == nil {
		t.Error("a signature by the empty key was believed")
	}
	for _, bad := range []webhooksig.Keys{nil, {[]byte("short")}, make(webhooksig.Keys, webhooksig.MaxKeys+1)} {
		if bad.Valid() == nil {
			t.Errorf("%d keys are valid", len(bad))
		}
	}
	if err := keys("a", "b").Valid(); err != nil {
		t.Error(err)
	}
}

// TestGitHubsOwnExample is the one on GitHub's page "Validating webhook deliveries".
func TestGitHubsOwnExample(t *testing.T) {
	const want = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := webhooksig.SignGitHub([]byte("It's a Secret to Everybody"), []byte("Hello, World!")); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func FuzzAHeaderIsBelievedOnlyIfAKeyMadeIt(f *testing.F) {
	f.Add("t=1764000000,v1=00", "sha256=00")
	f.Add(webhooksig.SignStripe(keys("x"), now(), []byte(body)), webhooksig.SignGitHub(keys("x")[0], []byte(body)))
	f.Fuzz(func(t *testing.T, stripe, github string) {
		for _, scheme := range []func() (webhooksig.Claim, error){
			func() (webhooksig.Claim, error) {
				return webhooksig.Stripe{Keys: keys("a")}.Claim(header("Stripe-Signature", stripe), now())
			},
			func() (webhooksig.Claim, error) {
				return webhooksig.GitHub{Keys: keys("a")}.Claim(header("X-Hub-Signature-256", github), now())
			},
		} {
			if claim, err := scheme(); err == nil && claim.Verify([]byte(body)) == nil {
				t.Errorf("believed: %q, %q", stripe, github)
			}
		}
	})
}
