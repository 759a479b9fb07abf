package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/provingground/provingground/pkg/edge"
	"github.com/provingground/provingground/pkg/edge/r2"
)

func (w *worker) requests(mux *http.ServeMux) {
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("POST /digest", digest)
	mux.HandleFunc("GET /stream", stream)
	mux.HandleFunc("PUT /object/{key}", putObject)
	mux.HandleFunc("GET /object/{key}", getObject)
	mux.HandleFunc("GET /env", func(out http.ResponseWriter, _ *http.Request) {
		answer(out, []string{edge.Env("COLOR"), edge.Env("TOKEN"), edge.Env("ABSENT")}, nil)
	})
	mux.HandleFunc("GET /log", func(_ http.ResponseWriter, r *http.Request) {
		w.log.WarnContext(r.Context(), "said in Go", "answer", 42)
	})
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	mux.HandleFunc("GET /panic/late", latePanic)
	mux.HandleFunc("GET /panic/elsewhere", func(_ http.ResponseWriter, r *http.Request) {
		go func() { panic("in a goroutine, on purpose") }()
		_ = edge.Sleep(r.Context(), time.Second) // the program ends meanwhile
	})
	mux.HandleFunc("GET /locked", w.locked)
	mux.HandleFunc("GET /endless", w.endless)
	mux.HandleFunc("GET /left", func(out http.ResponseWriter, _ *http.Request) { answer(out, w.left, nil) })
	mux.HandleFunc("POST /timer", func(http.ResponseWriter, *http.Request) {
		time.AfterFunc(300*time.Millisecond, func() { w.freed <- struct{}{} }) // rings after this request
	})
	mux.HandleFunc("GET /timer", func(out http.ResponseWriter, r *http.Request) {
		select {
		case <-w.freed:
			answer(out, "rang", nil)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("GET /after", w.after)
	mux.HandleFunc("GET /busy", busy)
}

// busy makes garbage, has it collected, and waits on Go's own timers.
func busy(out http.ResponseWriter, _ *http.Request) {
	var kept [][]byte
	for i := range 40 {
		kept = append(kept, make([]byte, 16<<10))
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	debug.FreeOSMemory()
	answer(out, len(kept), nil)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	answer(w, map[string]any{"method": r.Method, "uri": r.RequestURI, "length": r.ContentLength, "body": string(body), "header": r.Header}, err)
}

func digest(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	_, err := io.Copy(h, r.Body)
	answer(w, hex.EncodeToString(h.Sum(nil)), err)
}

// stream sends so many chunks of 64 KiB, each flushed by itself.
func stream(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := http.NewResponseController(w)
	for i := range n {
		if _, err := w.Write(bytes.Repeat([]byte{byte(i)}, 64<<10)); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}

func latePanic(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "the beginning")
	_ = http.NewResponseController(w).Flush()
	panic("late, on purpose")
}

// putObject passes the body on to R2, or lets it through Go.
func putObject(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.FormValue("through") == "go" {
		body = struct{ io.Reader }{r.Body}
	}
	o, err := r2.Bucket{Binding: "BUCKET"}.Put(r.Context(), r.PathValue("key"), body, r.ContentLength, r2.Options{ContentType: r.Header.Get("Content-Type")})
	answer(w, o, err)
}

func getObject(w http.ResponseWriter, r *http.Request) {
	o, err := r2.Bucket{Binding: "BUCKET"}.Get(r.Context(), r.PathValue("key"), r2.Range{})
	if err != nil || o == nil {
		http.Error(w, fmt.Sprint("no object: ", err), http.StatusNotFound)
		return
	}
	defer o.Body.Close()
	w.Header().Set("Content-Type", o.ContentType)
	if r.FormValue("through") == "go" {
		_, _ = io.Copy(w, struct{ io.Reader }{o.Body})
		return
	}
	_, _ = io.Copy(w, o.Body)
}

// locked holds a mutex across two waits, as many at once as there are requests.
func (w *worker) locked(out http.ResponseWriter, r *http.Request) {
	w.lock.Lock()
	defer w.lock.Unlock()
	before := w.held
	if err := edge.Sleep(r.Context(), 2*time.Millisecond); err != nil {
		answer(out, nil, err)
		return
	}
	time.Sleep(2 * time.Millisecond)
	w.held = before + 1
	answer(out, w.held, nil)
}

// endless streams, with the lock held, until its client has gone.
func (w *worker) endless(out http.ResponseWriter, r *http.Request) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.left = "it streams"
	for {
		_, err := out.Write(make([]byte, 64<<10))
		if err == nil {
			err = http.NewResponseController(out).Flush()
		}
		if err == nil {
			err = edge.Sleep(r.Context(), time.Millisecond)
		}
		if err != nil {
			w.left = err.Error()
			return
		}
	}
}

// after goes on when it has answered.
func (w *worker) after(out http.ResponseWriter, r *http.Request) {
	err := edge.Go(r.Context(), func(ctx context.Context) {
		if err := edge.Sleep(ctx, 50*time.Millisecond); err != nil {
			w.log.ErrorContext(ctx, "after the answer", "error", err)
			return
		}
		if err := w.store.Put(ctx, "after", []byte("done")); err != nil {
			w.log.ErrorContext(ctx, "after the answer", "error", err)
		}
	})
	answer(out, "answered", err)
}
