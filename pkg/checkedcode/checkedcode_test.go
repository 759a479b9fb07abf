package checkedcode_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/provingground/provingground/pkg/checkedcode"
)

func Example() {
	codes := checkedcode.NewScheme([]byte("thirty-two random bytes, kept secret"))
	code := codes.From("order 4711") // New makes a random one
	fmt.Println(len(code), codes.Valid(code), codes.Valid("0123456789"))
	// Output: 10 true false
}

func TestMadeCodesAreValidAndStartWithADigit(t *testing.T) {
	codes := checkedcode.NewScheme([]byte("key"))
	for range 1000 {
		code := codes.New()
		if !codes.Valid(code) || !strings.ContainsRune("0123456789", rune(code[0])) {
			t.Fatalf("New() = %q: not a valid code that starts with a digit", code)
		}
	}
}

func TestEveryChangedCharacterIsNoticed(t *testing.T) {
	codes := checkedcode.NewScheme([]byte("key"))
	code := codes.From("seed")
	for i := range len(code) {
		wrong := []byte(code)
		wrong[i] = 'A' + (wrong[i]+1)%26
		if string(wrong) != code && codes.Valid(string(wrong)) {
			// One in 3,844 slips through by design; this seed has none.
			t.Errorf("Valid(%q) = true, made from %q", wrong, code)
		}
	}
}

func TestAnotherKeyRefusesTheCode(t *testing.T) {
	code := checkedcode.NewScheme([]byte("one")).From("seed")
	if checkedcode.NewScheme([]byte("two")).Valid(code) {
		t.Errorf("code %q made with key one is valid under key two", code)
	}
}

func TestAScannerRarelyHitsAWellFormedCode(t *testing.T) {
	codes, other := checkedcode.NewScheme([]byte("key")), checkedcode.NewScheme([]byte("scanner"))
	hits := 0
	for i := range 50_000 {
		if codes.Valid(other.From(fmt.Sprint(i))) {
			hits++
		}
	}
	// 13 are expected; 40 is beyond six standard deviations. Deterministic: the seeds are fixed.
	if hits == 0 || hits > 40 {
		t.Errorf("%d of 50,000 guesses are well formed, want about 13", hits)
	}
}

func TestWrongShapesAreRefused(t *testing.T) {
	codes := checkedcode.NewScheme([]byte("key"))
	for _, code := range []string{"", "0", "a234567890", "01234567890", "0123\x0056789", strings.Repeat("0", 4096)} {
		if codes.Valid(code) {
			t.Errorf("Valid(%q) = true", code)
		}
	}
}
