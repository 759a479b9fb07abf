//go:build unix

package server

import (
	"context"
	"os"
	"strings"
	"syscall"
)

// Definition is one entry of the table of servers. A new server is one entry.
type Definition struct {
	Name      string
	StandsFor string // what it is, or what it stands in for
	Loses     string // what a SIGKILL loses

	Image         Image
	ContainerPort int
	ContainerArgs []string          // the image's command, default: its own
	ContainerEnv  map[string]string // settings inside the container

	// Variables point at a server that is there already; the first one that is
	// set wins. PortVariable fixes the port of the long-lived server.
	Variables    []string
	PortVariable string

	// Env is what points clients at the server, from its host:port.
	Env func(addr string) map[string]string
	// Health returns nil when the server at host:port answers.
	Health func(ctx context.Context, addr string) error

	// kind tells native programs apart of which one runs under the same name.
	kind string
	// pointed is what clients need when a variable named the server.
	pointed func(value string) map[string]string
	program func(ctx context.Context, in *installer) (program, error)
	launch  func(state string, port int) (args, env []string)
	second  *secondPort
	// Of a server that is more than its process: the user that runs it where we are
	// root, what is run once in an empty state folder, and the signal that ends it.
	user    func() uint32
	prepare func(p program, state string) (path string, args []string)
	ends    syscall.Signal
	// Of a server in front of another one: which, and what it is told before each
	// start, in files of its state folder. Behind is that server's host:port.
	behind    string
	configure func(state string, port int, behind string) error
}

// secondPort is a port of a native server beside the one that its clients use.
type secondPort struct {
	args func(port int) []string // of the command, after those of launch
	env  func(addr string) map[string]string
}

// Image is a container image: a variable that may name another one, and the
// pinned default.
type Image struct {
	Variable, Default string
}

// Name returns the image to use.
func (i Image) Name() string {
	if name := os.Getenv(i.Variable); name != "" {
		return name
	}
	return i.Default
}

// program is an installed program and what its environment needs to run it.
type program struct {
	path string
	args []string // before those of the server
	env  []string
}

// Table returns every server that scenarios can name.
func Table() []Definition {
	return []Definition{
		redis(),
		aws("dynamodb", "DynamoDB and its streams", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb", "dynamodbstreams", "cloudformation"),
		postgres(),
		pgbouncer(),
		aws("aws", "S3, SNS, SQS, SES and Lambda, which call each other", "AWS_ENDPOINT_URL_S3",
			"s3", "sns", "sqs", "ses", "lambda", "iam", "logs", "cloudformation"),
		pubsub(),
		serviceBus(),
		tables(),
		d1(),
	}
}

// given returns the first variable of the server that is set.
func (d Definition) given() (value string, ok bool) {
	for _, name := range d.Variables {
		if v := os.Getenv(name); v != "" {
			return v, true
		}
	}
	return "", false
}

// end returns the signal that asks the server to end.
func (d Definition) end() syscall.Signal {
	if d.ends == 0 {
		return syscall.SIGTERM
	}
	return d.ends
}

func (d Definition) wanted() string { return strings.Join(d.Variables, " or ") }
