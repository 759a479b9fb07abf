// Command bootstrap is a function for provided.al2023 in plain Go: it echoes its
// event, fails when it is told to, and ends its process when it is told to.
package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		if err := one(api); err != nil {
			log.Fatal(err)
		}
	}
}

func one(api string) error {
	next, err := http.Get(api + "next")
	if err != nil {
		return err
	}
	defer next.Body.Close()
	event, err := io.ReadAll(next.Body)
	if err != nil {
		return err
	}
	how, answer := "response", event
	switch string(event) {
	case `"fail"`:
		how, answer = "error", []byte(`{"errorType":"Told","errorMessage":"it was told to fail"}`)
	case `"exit"`:
		os.Exit(3)
	}
	done, err := http.Post(api+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/"+how, "application/json", bytes.NewReader(answer))
	if err != nil {
		return err
	}
	return done.Body.Close()
}
