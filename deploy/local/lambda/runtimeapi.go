//go:build unix

package lambda

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// maxPayload is Lambda's limit of a request and of an answer.
const maxPayload = 6 << 20

// api is the Runtime API (read: "Using the Lambda runtime API for custom runtimes",
// 2026-11-24): the process asks for the next request, and answers it.
func (e *environment) api() http.Handler {
	mux := http.NewServeMux()
	const root = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+root+"/invocation/next", e.next)
	mux.HandleFunc("POST "+root+"/invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+root+"/invocation/{id}/error", e.failure)
	mux.HandleFunc("POST "+root+"/init/error", e.initFailure)
	return mux
}

// next waits for a request for as long as the process does.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.once.Do(func() { close(e.begun) })
	var req *request
	select {
	case req = <-e.work:
	default:
		req = e.freeze(r.Context())
	}
	if req != nil {
		e.begin(req)
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", req.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(req.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", e.function.arn())
		h.Set("Content-Type", "application/json")
		w.Write(req.payload) // a process that is gone is noticed by its end
	}
}

// freeze stops the process until there is a request for it, as Lambda does once a
// process asks for its next one. It returns nil when the process has ended.
func (e *environment) freeze(ctx context.Context) *request {
	if err := e.process.Pause(); err != nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case req := <-e.work:
		if err := e.process.Resume(); err != nil {
			req.answer <- answered{err: &FunctionError{"Runtime.ExitError", err.Error()}}
			return nil
		}
		return req
	}
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		e.end(r.PathValue("id"), answered{err: &FunctionError{"Function.ResponseSizeTooLarge", "the answer has more than 6 MB"}})
		http.Error(w, `{"errorType":"RequestEntityTooLarge"}`, http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.accept(w, r, answered{body: body})
}

func (e *environment) failure(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.accept(w, r, answered{err: functionError(body)})
}

func (e *environment) accept(w http.ResponseWriter, r *http.Request, a answered) {
	if !e.end(r.PathValue("id"), a) {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// initFailure is what a process says that cannot begin. It then ends.
func (e *environment) initFailure(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	e.initError(functionError(body))
}

// initError fails the request that the process was started for.
func (e *environment) initError(f *FunctionError) {
	e.fail()
	select {
	case r := <-e.work:
		r.answer <- answered{err: f}
	case <-e.process.Done():
	}
}
