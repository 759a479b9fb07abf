package envvars_test

import (
	"fmt"

	"github.com/provingground/provingground/pkg/envvars"
)

// All variables are read, and the first mistake is reported once.
func Example() {
	env := map[string]string{"ADDR": "127.0.0.1:8080", "ADMIN_TOKEN": "hunter2", "DRAIN_DELAY": "soon"}
	v := envvars.New(func(name string) string { return env[name] })

	addr := v.Listen("ADDR")
	v.Secret("ADMIN_TOKEN")
	v.Duration("DRAIN_DELAY", 0)
	fmt.Println(addr)
	fmt.Println(v.Err())
	// Output:
	// 127.0.0.1:8080
	// ADMIN_TOKEN must be a secret of at least 32 characters
}
