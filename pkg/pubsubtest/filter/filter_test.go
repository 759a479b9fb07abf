package filter_test

import (
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/pubsubtest/filter"
)

func TestExpressions(t *testing.T) {
	attributes := map[string]string{"name": "com", "lang": "en-us", "iana.org/x": "1", "quote": `a"b\`, "-odd": "o", "empty": ""}
	for text, want := range map[string]bool{
		``: true, `   `: true,
		`attributes:name`: true, `attributes:other`: false, `attributes:"iana.org/x"`: true, `attributes:empty`: true,
		`attributes.name = "com"`: true, `attributes.name="net"`: false, `attributes.other = ""`: false,
		`attributes.name != "com"`: false, `attributes.name!="net"`: true, `attributes.other != "x"`: true,
		`attributes."iana.org/x" = "1"`: true, `attributes.-odd = "o"`: true,
		`hasPrefix(attributes.lang, "en-")`: true, `hasPrefix(attributes.lang, "de")`: false, `hasPrefix(attributes.other, "")`: false,
		`NOT attributes:name`: false, `-attributes:other`: true, `NOT NOT attributes:name`: true,
		`attributes:name AND attributes:lang`: true, `attributes:name AND attributes:other`: false,
		`attributes:other OR attributes:lang`: true, `attributes:other OR attributes:none`: false,
		`NOT attributes:other AND attributes:name`:                  true, // NOT binds strongest
		`attributes:name AND (attributes:other OR attributes:lang)`: true,
		`(attributes:name)`: true, `NOT (attributes:name AND attributes:other)`: true,
		`attributes.quote = "a\"b\\"`: true, `attributes.name = "\u0063\x6f\155"`: true,
		"attributes:name\n\tAND attributes:lang": true,
		`attributes.AND = "x" OR attributes:NOT`: false,
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Errorf("Parse(%s): %v", text, err)
			continue
		}
		if got := f.Matches(attributes); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestBadExpressionsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		`attributes`:                                    "byte 10",
		`attributes.name`:                               "byte 15",
		`attributes.name = com`:                         "byte 18",
		`attributes.name == "com"`:                      "byte 17",
		`attributes.name = "com`:                        "byte 18",
		`attributes.name > "a"`:                         "byte 16",
		`attributes.name = "\q"`:                        "byte 18",
		`attributes:name attributes:lang`:               "byte 16",
		`attributes:a AND attributes:b OR attributes:c`: "byte 30",
		`attributes:a and attributes:b`:                 "byte 13",
		`(attributes:a`:                                 "byte 13",
		`attributes:a)`:                                 "byte 12",
		`data = "x"`:                                    "byte 0",
		`hasPrefix(attributes.a)`:                       "byte 22",
		`hasPrefix(attributes:a, "x")`:                  "byte 20",
		`"attributes":a`:                                "byte 0",
		`NOT`:                                           "byte 3",
		`attributes:a AND`:                              "byte 16",
		"attributes:\x00":                               "byte 11",
		strings.Repeat("(", 100) + `attributes:a` + strings.Repeat(")", 100): "byte 65",
	} {
		_, err := filter.Parse(text)
		if err == nil || !strings.HasPrefix(err.Error(), want+":") {
			t.Errorf("Parse(%s): %v, want an error at %s", text, err, want)
		}
	}
}

// FuzzParse: no input panics, and what is accepted can be negated.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`attributes:a AND NOT (attributes.b = "c" OR hasPrefix(attributes."d", "\x65"))`, `-attributes:-`, `((`} {
		f.Add(seed, "b", "c")
	}
	f.Fuzz(func(t *testing.T, text, key, value string) {
		yes, err := filter.Parse(text)
		if err != nil || strings.TrimSpace(text) == "" {
			return
		}
		no, err := filter.Parse("NOT (" + text + ")")
		if err != nil {
			if strings.Contains(err.Error(), "nested deeper") {
				return
			}
			t.Fatalf("the negation of an accepted filter: %v", err)
		}
		attributes := map[string]string{key: value}
		if yes.Matches(attributes) == no.Matches(attributes) {
			t.Errorf("%s and its negation agree", text)
		}
	})
}
