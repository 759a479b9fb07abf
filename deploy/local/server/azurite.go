//go:build unix

package server

import (
	"context"
	_ "embed" // of the pinned packages
	"path/filepath"
	"strconv"
)

var (
	//go:embed azurite/package.json
	azuriteManifest string
	//go:embed azurite/package-lock.json
	azuriteLock string
)

// The account that Azurite knows. Its key is a published constant.
const (
	storageAccount = "devstoreaccount1"
	storageKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// tables is Azurite's Table service alone, in memory: on disk it writes all rows
// as one file every five seconds, during which nobody is answered, and loses as
// much when it is killed.
func tables() Definition {
	options := []string{"--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"}
	return Definition{
		Name:          "tables",
		StandsFor:     "Azure Table storage (emulated: Azurite)",
		Loses:         "everything it held: only pause or cut it",
		Image:         Image{Variable: "AZURITE_IMAGE", Default: "mcr.microsoft.com/azure-storage/azurite:3.37.0"},
		ContainerPort: 10002,
		ContainerArgs: append([]string{"azurite-table", "--tableHost", "0.0.0.0", "--tablePort", "10002"}, options...),
		Variables:     []string{"TABLES_CONNECTION_STRING"},
		PortVariable:  "TABLES_PORT",
		Env: func(addr string) map[string]string {
			return map[string]string{"TABLES_CONNECTION_STRING": "DefaultEndpointsProtocol=http;AccountName=" + storageAccount +
				";AccountKey=" + storageKey + ";TableEndpoint=http://" + addr + "/" + storageAccount + ";"}
		},
		// Without a signature it answers with 403 when it is up.
		Health: func(ctx context.Context, addr string) error {
			return answers(ctx, addr, "/"+storageAccount+"/Tables")
		},
		pointed: func(value string) map[string]string {
			return map[string]string{"TABLES_CONNECTION_STRING": value}
		},
		program: func(ctx context.Context, in *installer) (program, error) {
			dir, n, err := in.packages(ctx, "azurite", "Azurite (npm packages, about 365 MB on disk)", azuriteManifest, azuriteLock)
			if err != nil {
				return program{}, err
			}
			return program{path: n.path, args: []string{filepath.Join(dir, "node_modules/azurite/dist/src/table/main.js")}, env: n.env()}, nil
		},
		launch: func(state string, port int) (args, env []string) {
			host, at := "127.0.0.1", strconv.Itoa(port)
			return append([]string{"--tableHost", host, "--tablePort", at}, options...), nil
		},
	}
}
