package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/provingground/provingground/pkg/edge/durable"
)

func (w *worker) objects(mux *http.ServeMux) {
	rooms := durable.Namespace{Binding: "ROOM"}
	mux.HandleFunc("/room/{name}/", func(out http.ResponseWriter, r *http.Request) {
		if err := rooms.Get(r.PathValue("name")).Forward(out, r); err != nil {
			answer(out, nil, err)
		}
	})
	mux.HandleFunc("POST /rooms", func(out http.ResponseWriter, r *http.Request) {
		answer(out, objects, countIn(r.Context(), rooms))
	})
}

// objects is how many are in memory at once.
const objects = 100

// countIn counts twice in each of many objects, all at once.
func countIn(ctx context.Context, rooms durable.Namespace) error {
	for round := range 2 {
		var all errgroup.Group
		for i := range objects {
			all.Go(func() error { return countTo(ctx, rooms, fmt.Sprintf("one-of-many-%d", i), round+1) })
		}
		if err := all.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// countTo adds one in an object, which makes n.
func countTo(ctx context.Context, rooms durable.Namespace, name string, n int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://object/room/"+name+"/add", nil)
	if err != nil {
		return err
	}
	resp, err := rooms.Get(name).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var got int
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got != n {
		return fmt.Errorf("%s counts %d (%w), want %d", name, got, err, n)
	}
	return nil
}
