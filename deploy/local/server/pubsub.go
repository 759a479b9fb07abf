//go:build unix

package server

import (
	"context"
	"net"
	"os"
	"strconv"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// localProject is the project that local topics and subscriptions belong to.
const localProject = "local"

// pubsub is Google's emulator in a container and ours, with a journal, as a
// process. Ours forwards dead letters only where the grants that the service
// demands are there.
func pubsub() Definition {
	return Definition{
		Name:          "pubsub",
		StandsFor:     "Google Pub/Sub (stand-in: pkg/pubsubtest; with Docker Google's emulator)",
		Loses:         "nothing that was answered; with Docker everything it held",
		Image:         Image{Variable: "PUBSUB_IMAGE", Default: "gcr.io/google.com/cloudsdktool/google-cloud-cli:573.0.0-emulators"},
		ContainerPort: 8085,
		ContainerArgs: []string{"gcloud", "beta", "emulators", "pubsub", "start", "--project=local", "--host-port=0.0.0.0:8085"},
		Variables:     []string{"PUBSUB_EMULATOR_HOST"},
		PortVariable:  "PUBSUB_PORT",
		Env: func(addr string) map[string]string {
			return map[string]string{"PUBSUB_EMULATOR_HOST": addr, "GOOGLE_CLOUD_PROJECT": localProject}
		},
		Health: listTopics,
		pointed: func(value string) map[string]string {
			env := map[string]string{"PUBSUB_EMULATOR_HOST": value, "GOOGLE_CLOUD_PROJECT": localProject}
			for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "PUBSUB_TOKEN_ISSUER"} {
				if given := os.Getenv(name); given != "" {
					env[name] = given
				}
			}
			return env
		},
		program: func(ctx context.Context, in *installer) (program, error) {
			return in.build(ctx, "github.com/provingground/provingground/pkg/pubsubtest/cmd/pubsubtest")
		},
		launch: func(state string, port int) (args, env []string) {
			return []string{"-address", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), "-dir", state, "-dead-letter-grants"}, nil
		},
		// Who checks push tokens asks there for the keys. Google's emulator signs none.
		second: &secondPort{
			args: func(port int) []string {
				return []string{"-http", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
			},
			env: func(addr string) map[string]string {
				return map[string]string{"PUBSUB_TOKEN_ISSUER": "http://" + addr}
			},
		},
	}
}

// listTopics is a call that both servers answer whatever they hold.
func listTopics(ctx context.Context, addr string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = pubsubpb.NewPublisherClient(conn).ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: "projects/local", PageSize: 1})
	return err
}
