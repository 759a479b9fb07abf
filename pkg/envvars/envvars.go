// Package envvars reads the configuration of a process from its environment
// and turns the first mistake into one line for the operator.
//
// A value never appears in a complaint: it may be a secret.
package envvars

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"
)

// MinSecret is the length in bytes of the shortest secret that is accepted.
const MinSecret = 32

// MaxDuration is the longest duration that is accepted.
const MaxDuration = time.Minute

// Vars reads variables and keeps the first complaint. It is for one goroutine.
type Vars struct {
	env func(string) string
	err error
}

// New returns a reader of the variables that env knows, such as os.Getenv. An
// empty value is the same as none.
func New(env func(string) string) *Vars { return &Vars{env: env} }

// Err returns the first complaint, such as "ADDR must be set", or nil.
func (v *Vars) Err() error { return v.err }

// Complain says what a variable must be, unless there was a complaint before.
func (v *Vars) Complain(name, want string) {
	if v.err == nil {
		v.err = fmt.Errorf("%s must be %s", name, want)
	}
}

// Required returns a variable that must be set.
func (v *Vars) Required(name string) string {
	s := v.env(name)
	if s == "" {
		v.Complain(name, "set")
	}
	return s
}

// Listen returns an address to listen on, with a numeric port.
func (v *Vars) Listen(name string) string {
	s := v.env(name)
	_, port, err := net.SplitHostPort(s)
	if _, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil {
		v.Complain(name, "an address to listen on, such as 127.0.0.1:8080")
	}
	return s
}

// Secret returns a value of at least MinSecret bytes.
func (v *Vars) Secret(name string) string {
	s := v.env(name)
	if len(s) < MinSecret {
		v.Complain(name, fmt.Sprintf("a secret of at least %d characters", MinSecret))
	}
	return s
}

// URL returns an absolute http or https URL; after a complaint an empty one.
func (v *Vars) URL(name string) *url.URL {
	u, err := url.Parse(v.env(name))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		v.Complain(name, "an http or https URL")
		return &url.URL{}
	}
	return u
}

// Number returns a number above 0 and below a billion.
func (v *Vars) Number(name string, otherwise float64) float64 {
	s := v.env(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0 && n < 1e9) {
		v.Complain(name, "a positive number")
	}
	return n
}

// Duration returns a duration between 0 and MaxDuration.
func (v *Vars) Duration(name string, otherwise time.Duration) time.Duration {
	s := v.env(name)
	if s == "" {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > MaxDuration {
		v.Complain(name, "a duration up to 1m, such as 2s")
	}
	return d
}
