// Package provision applies a scenario's infrastructure to the servers that its
// roles will use: the same file as in the cloud, a CloudFormation template of
// deploy/aws, a list of topics and subscriptions of deploy/gcp, or a Config.json of
// deploy/azure.
package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/provingground/provingground/deploy/azure/namespace"
	"github.com/provingground/provingground/deploy/gcp/topology"
)

// File applies what a file below deploy/ says; its folder tells what it is. Env
// holds the variables that the roles get. It returns when everything is there,
// and may run again at any time.
func File(ctx context.Context, env map[string]string, name, path, content string) error {
	if strings.HasPrefix(path, "gcp/") {
		return pubsub(ctx, env, path, content)
	}
	if strings.HasPrefix(path, "azure/") {
		return servicebus(ctx, env, path, content)
	}
	return Apply(ctx, env, name, content)
}

// localNumber is the number of the local project: the account that forwards dead
// letters has it in its name.
const localNumber = "1"

func pubsub(ctx context.Context, env map[string]string, path, content string) error {
	host, project := env["PUBSUB_EMULATOR_HOST"], env["GOOGLE_CLOUD_PROJECT"]
	if host == "" || project == "" {
		return errors.New("provision: PUBSUB_EMULATOR_HOST and GOOGLE_CLOUD_PROJECT must be set: on Google Cloud use deploy/gcp/apply")
	}
	t, err := topology.Parse([]byte(content), project, env)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := t.Apply(ctx, localNumber, topology.Local(host)...); err != nil {
		return fmt.Errorf("%s at %s: %w", path, host, err)
	}
	return nil
}

func servicebus(ctx context.Context, env map[string]string, path, content string) error {
	connection, admin := env["SERVICEBUS_CONNECTION_STRING"], env["SERVICEBUS_ADMIN_URL"]
	if connection == "" || admin == "" {
		return errors.New("provision: SERVICEBUS_CONNECTION_STRING and SERVICEBUS_ADMIN_URL must be set: in Azure apply the template beside " + path)
	}
	if err := namespace.Apply(ctx, connection, admin, []byte(content)); err != nil {
		return fmt.Errorf("%s at %s: %w", path, admin, err)
	}
	return nil
}
