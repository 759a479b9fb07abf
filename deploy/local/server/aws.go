//go:build unix

package server

import (
	"context"
	"os"
	"strconv"
	"strings"
)

const (
	localStackImage = "localstack/localstack:4.14.0" // the last one that starts without a token
	miniStackImage  = "ministackorg/ministack:1.5.33"
)

// aws is one emulator process for one group of services. A group has its own
// process so that a fault hits it alone; the first endpoint variable names it.
func aws(name, standsFor, variable string, services ...string) Definition {
	var variables []string
	for _, s := range services {
		if s != "cloudformation" && s != "iam" && s != "logs" {
			variables = append(variables, "AWS_ENDPOINT_URL_"+strings.Replace(strings.ToUpper(s), "DBSTREAMS", "DB_STREAMS", 1))
		}
	}
	image := localStackImage
	if os.Getenv("AWS_EMULATOR") == "ministack" {
		image = miniStackImage
	}
	enabled := strings.Join(services, ",")
	d := Definition{
		Name:          name,
		StandsFor:     standsFor + " (emulated)",
		Loses:         "everything it held: pause it or cut it off instead",
		Image:         Image{Variable: "AWS_IMAGE", Default: image},
		ContainerPort: 4566,
		ContainerEnv:  map[string]string{"SERVICES": enabled},
		Variables:     []string{variable, "AWS_ENDPOINT_URL"},
		PortVariable:  strings.ToUpper(name) + "_PORT",
		Env:           func(addr string) map[string]string { return awsEnv("http://"+addr, variables) },
		Health:        func(ctx context.Context, addr string) error { return get(ctx, addr, "/_localstack/health") },
		pointed:       func(value string) map[string]string { return pointedAWS(value, variables) },
		kind:          "MiniStack",
		program:       miniStack,
		launch: func(state string, port int) (args, env []string) {
			return nil, []string{
				"GATEWAY_PORT=" + strconv.Itoa(port), "BIND_HOST=127.0.0.1", "MINISTACK_HOST=localhost",
				"SERVICES=" + enabled, "SFTP_ENABLED=0", "LOG_LEVEL=WARNING",
				"PERSIST_STATE=1", "STATE_DIR=" + state, "S3_PERSIST=1", "S3_DATA_DIR=" + state + "/s3",
			}
		},
	}
	if os.Getenv("AWS_EMULATOR") == "localstack" {
		d.nativeLocalStack(services)
	}
	return d
}

// checkEmulator refuses a name that is not known, before anything starts.
func checkEmulator() error {
	switch name := os.Getenv("AWS_EMULATOR"); name {
	case "", "ministack", "localstack":
		return nil
	default:
		return configuration("AWS_EMULATOR=%q: want localstack or ministack, or nothing for MiniStack as a process and LocalStack in a container", name)
	}
}

// awsEnv makes the SDK talk to the emulator only: no file of the user's decides
// anything, and nothing asks the network for an instance role.
func awsEnv(endpoint string, variables []string) map[string]string {
	env := map[string]string{
		"AWS_REGION":                  "us-east-1",
		"AWS_ACCESS_KEY_ID":           "test",
		"AWS_SECRET_ACCESS_KEY":       "test",
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_EC2_METADATA_DISABLED":   "true",
	}
	for _, v := range variables {
		env[v] = endpoint
	}
	return env
}

// pointedAWS keeps the credentials and the region that came with the endpoint: it
// may be a real cloud.
func pointedAWS(endpoint string, variables []string) map[string]string {
	env := map[string]string{"AWS_REGION": "us-east-1"}
	for _, name := range []string{
		"AWS_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
	} {
		if v := os.Getenv(name); v != "" {
			env[name] = v
		}
	}
	for _, v := range variables {
		env[v] = endpoint
	}
	return env
}
