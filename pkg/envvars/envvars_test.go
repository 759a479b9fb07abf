package envvars_test

import (
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/envvars"
)

// read is one call of a reader's method, by name.
func read(v *envvars.Vars, method, name string) any {
	switch method {
	case "Required":
		return v.Required(name)
	case "Listen":
		return v.Listen(name)
	case "Secret":
		return v.Secret(name)
	case "URL":
		return v.URL(name).String()
	case "Number":
		return v.Number(name, 150)
	}
	return v.Duration(name, 2*time.Second)
}

func TestGoodValuesAreReturned(t *testing.T) {
	long := strings.Repeat("s", envvars.MinSecret)
	for _, tt := range []struct {
		method, value string
		want          any
	}{
		{"Required", "links", "links"},
		{"Listen", "127.0.0.1:8080", "127.0.0.1:8080"},
		{"Listen", ":0", ":0"},
		{"Listen", "[::1]:80", "[::1]:80"},
		{"Secret", long, long},
		{"URL", "https://sho.rt", "https://sho.rt"},
		{"Number", "", 150.0},
		{"Number", "0.5", 0.5},
		{"Duration", "", 2 * time.Second},
		{"Duration", "0s", time.Duration(0)},
		{"Duration", "1m", time.Minute},
	} {
		v := envvars.New(func(string) string { return tt.value })
		if got := read(v, tt.method, "X"); got != tt.want || v.Err() != nil {
			t.Errorf("%s of %q = %v, %v; want %v", tt.method, tt.value, got, v.Err(), tt.want)
		}
	}
}

func TestBadValuesAreComplainedAboutWithoutRepeatingThem(t *testing.T) {
	for _, tt := range []struct{ method, value string }{
		{"Required", ""},
		{"Listen", ""},
		{"Listen", "hunter2"},
		{"Listen", "127.0.0.1:http"},
		{"Listen", "127.0.0.1:70000"},
		{"Secret", "hunter2"},
		{"URL", ""},
		{"URL", "hunter2"},
		{"URL", "ftp://hunter2"},
		{"URL", "https://[::1"},
		{"Number", "hunter2"},
		{"Number", "0"},
		{"Number", "-1"},
		{"Number", "NaN"},
		{"Number", "+Inf"},
		{"Duration", "hunter2"},
		{"Duration", "-1s"},
		{"Duration", "61s"},
	} {
		v := envvars.New(func(string) string { return tt.value })
		read(v, tt.method, "SOME_NAME")
		if err := v.Err(); err == nil || !strings.HasPrefix(err.Error(), "SOME_NAME must be ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s of %q: %v, want a complaint about SOME_NAME without the value", tt.method, tt.value, err)
		}
	}
}

func TestTheFirstComplaintStays(t *testing.T) {
	v := envvars.New(func(string) string { return "" })
	v.Required("FIRST")
	v.Complain("SECOND", "even")
	if err := v.Err(); err == nil || err.Error() != "FIRST must be set" {
		t.Errorf("complaint = %v, want the first one", err)
	}
}
