package urlshortener_test

import (
	"strings"
	"testing"

	"github.com/provingground/provingground/scenarios/urlshortener"
)

func TestTargetsAreAbsoluteWebAddresses(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"https://go.dev/doc/", "https://go.dev/doc/"},
		{"http://example.com:8080/a?b=c#d", "http://example.com:8080/a?b=c#d"},
		{"https://EXAMPLE.com/Path", "https://example.com/Path"},
		{"https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"},
		{"https://[2001:db8::1]:443/", "https://[2001:db8::1]:443/"},
		{"https://example.com/" + strings.Repeat("x", 2000), "https://example.com/" + strings.Repeat("x", 2000)},
	} {
		if got, err := urlshortener.ValidTarget(tt.raw, "sho.rt"); err != nil || got != tt.want {
			t.Errorf("ValidTarget(%.60q) = %.60q, %v, want %.60q", tt.raw, got, err, tt.want)
		}
	}
	for _, raw := range []string{
		"", "/relative", "//example.com/x", "example.com",
		"javascript:alert(1)", "data:text/html,x", "ftp://example.com/", "mailto:a@example.com",
		"https://", "https:///path", "https://user:secret@example.com/",
		"https://example.com/a b", "https://example.com/\r\nSet-Cookie: x", "https://example.com/\x00", "https://example.com/\x7f",
		"https://exa mple.com/", "https://-.example/", "https://example.com:port/",
		"https://example.com/" + strings.Repeat("x", 8192),
		"https://example.com/" + strings.Repeat("ä", 600), // fits, but not once encoded
		"https://sho.rt/abc", "http://SHO.RT/abc", "https://sho.rt:8443/abc",
	} {
		if got, err := urlshortener.ValidTarget(raw, "sho.rt"); err == nil {
			t.Errorf("ValidTarget(%.60q) = %.60q, want an error", raw, got)
		}
	}
}

func TestAliasesHaveAGrammarOfTheirOwn(t *testing.T) {
	for _, alias := range []string{"abc", "go-1-26", "a23456789012345678901234567890ab"} {
		if err := urlshortener.ValidAlias(alias); err != nil {
			t.Errorf("ValidAlias(%q) = %v", alias, err)
		}
	}
	for _, alias := range []string{
		"", "ab", "1abc", "-abc", "Abc", "a/b", "a.b", "a b", "ä-bc", "../x", "abc\n", "healthz", "api",
		"a" + strings.Repeat("x", 32),
	} {
		if urlshortener.ValidAlias(alias) == nil {
			t.Errorf("ValidAlias(%q) = nil, want an error", alias)
		}
	}
}

func FuzzValidTarget(f *testing.F) {
	f.Add("https://example.com/")
	f.Add("https://bücher.example:1/%zz")
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := urlshortener.ValidTarget(raw, "sho.rt")
		if err != nil {
			return
		}
		if strings.ContainsAny(target, "\r\n\x00 ") || !strings.HasPrefix(target, "http") {
			t.Errorf("ValidTarget(%q) = %q: not fit for a Location header", raw, target)
		}
	})
}
