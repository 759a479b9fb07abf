package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/provingground/provingground/deploy/local/process"
	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server"
	"github.com/provingground/provingground/deploy/local/stack"
	"github.com/provingground/provingground/loadtest/machine"
)

const (
	benchToken = "bench"
	objects    = 100 // that live at once
)

// worker is one of the two.
type worker struct {
	language, config, dir string
	addr                  string
	items                 []string // one for each user
	raw, zipped           int64    // bytes of its modules
	starts                []time.Duration
	alone, crowd          int64 // bytes resident after the first answer, and with objects
}

// pair is a workerd that runs the same in Go and in JavaScript.
type pair struct {
	subject
	cloud   *server.Cloud
	home    string
	workers []*worker
	runner  process.Spec
	running *process.Process
}

func startPair(ctx context.Context, cloud *server.Cloud, s subject, say io.Writer) (_ *pair, err error) {
	home, err := os.MkdirTemp("", "edge-")
	if err != nil {
		return nil, err
	}
	p := &pair{subject: s, cloud: cloud, home: home, workers: []*worker{
		{language: "Go", config: "wrangler.jsonc", dir: filepath.Join(home, "worker")},
		{language: "JavaScript", config: "twin.jsonc", dir: filepath.Join(home, "twin")},
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	fmt.Fprintln(say, "building both Workers of", s.slug, "…")
	for _, w := range p.workers {
		if err := w.build(ctx, s.slug); err != nil {
			return nil, err
		}
	}
	if s.fill != nil {
		if err := s.fill(ctx, p); err != nil {
			return nil, err
		}
	}
	path, args, env, err := cloud.WorkerProgram(ctx)
	if err != nil {
		return nil, err
	}
	p.runner = process.Spec{Name: "workerd", Path: path, Args: args, Env: append(env, "HOME="+home, "BARE=1", "WRITE_TOKEN="+benchToken)}
	if p.running, err = p.run(ctx, filepath.Join(home, "d1"), p.workers...); err != nil {
		return nil, err
	}
	if s.set == nil {
		return p, nil
	}
	return p, s.set(ctx, p)
}

func (w *worker) build(ctx context.Context, slug string) error {
	if err := stack.Modules(ctx, "./scenarios/"+slug+"/cmd/"+filepath.Base(w.dir), w.dir); err != nil {
		return err
	}
	files, err := os.ReadDir(w.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
		if err != nil {
			return err
		}
		var zipped bytes.Buffer
		z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(text); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		w.raw, w.zipped = w.raw+int64(len(text)), w.zipped+int64(zipped.Len())
	}
	return nil
}

// fillItems makes a D1 with items and ends it: the Workers' workerd goes on with its
// files.
func fillItems(ctx context.Context, p *pair) error {
	set, err := p.cloud.Start(ctx, "d1")
	if err != nil {
		return err
	}
	defer set.Close()
	env := set.Env()
	if err := provision.Migrate(ctx, env, "edgeapi/wrangler.jsonc"); err != nil {
		return err
	}
	db := provision.D1{URL: env["D1_URL"], Database: "edgeapi"}
	for i, w := range p.workers {
		for user := range edgeUsers {
			id := fmt.Sprintf("%012x%012x", i+1, user)
			_, err := db.Run(ctx, provision.Statement{
				SQL:    "INSERT INTO items (id, name, description, price, cost, version, updated) VALUES (?, ?, 'An item of the benchmark', 900, 410, 1, 0)",
				Params: []any{id, "Item " + id},
			})
			if err != nil {
				return err
			}
			w.items = append(w.items, id)
		}
	}
	if err := set.Get("d1").Kill(); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(p.home, "d1"), os.DirFS(filepath.Join(set.Dir(), "d1")))
}

// run starts a workerd with the Workers and returns when all answer.
func (p *pair) run(ctx context.Context, state string, workers ...*worker) (*process.Process, error) {
	ports, err := server.FreePorts(len(workers) + 1)
	if err != nil {
		return nil, err
	}
	var addrs, configs, dirs []string
	for i, w := range workers {
		w.addr = fmt.Sprintf("127.0.0.1:%d", ports[i])
		config, err := filepath.Abs(filepath.Join("deploy/cloudflare", p.slug, w.config))
		if err != nil {
			return nil, err
		}
		addrs, configs, dirs = append(addrs, w.addr), append(configs, config), append(dirs, w.dir)
	}
	spec := p.runner
	spec.Log = filepath.Join(p.home, "workerd.log")
	spec.Env = append(slices.Clone(spec.Env), "STATE_DIR="+state, fmt.Sprintf("ADMIN_ADDR=127.0.0.1:%d", ports[len(workers)]),
		"ADDR="+strings.Join(addrs, ","), "CONFIG="+strings.Join(configs, ","), "DIR="+strings.Join(dirs, ","))
	running, err := process.Start(spec)
	if err != nil {
		return nil, err
	}
	for _, w := range workers {
		if err := w.await(ctx, running); err != nil {
			return nil, errors.Join(err, running.Kill())
		}
	}
	return running, nil
}

// await returns when the Worker answers.
func (w *worker) await(ctx context.Context, running *process.Process) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get("http://" + w.addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-running.Done():
			return running.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// writeSettings writes the settings that both read.
func writeSettings(ctx context.Context, p *pair) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+p.workers[inGo].addr+"/api/settings", strings.NewReader(`{"currency":"EUR","notice":"Free shipping this week"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+benchToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("write the settings: %s", resp.Status)
	}
	return nil
}

// measureStarts starts each Worker alone, in a new process.
func (p *pair) measureStarts(ctx context.Context, rounds int, say io.Writer) error {
	if err := p.running.Kill(); err != nil {
		return err
	}
	for round := range rounds {
		for _, w := range p.workers {
			fmt.Fprintf(say, "round %d of %d: start of the Worker in %s\n", round+1, rounds, w.language)
			began := time.Now()
			running, err := p.run(ctx, filepath.Join(p.home, "start"), w)
			if err != nil {
				return err
			}
			w.starts = append(w.starts, time.Since(began))
			if err := errors.Join(w.measureMemory(ctx, p.object, running.PID()), running.Kill()); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureMemory asks each of many objects for something, which makes it.
func (w *worker) measureMemory(ctx context.Context, object string, pid int) (err error) {
	if w.alone, err = resident(pid); err != nil || object == "" {
		return err
	}
	for i := range objects {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s%s%d", w.addr, object, i), nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("object %d: %s", i, resp.Status)
		}
	}
	w.crowd, err = resident(pid)
	return err
}

// resident is what a process and its descendants have in memory, in bytes.
func resident(pid int) (int64, error) {
	s, err := machine.Take(machine.Process{Name: "workerd", Group: machine.Role, PID: pid})
	if err != nil {
		return 0, err
	}
	return machine.Between(s, s).Processes[0].RSS, nil
}

func (w *worker) started() time.Duration {
	sorted := slices.Sorted(slices.Values(w.starts))
	return sorted[len(sorted)/2]
}

func (p *pair) process() machine.Process {
	return machine.Process{Name: "workerd", Group: machine.Role, PID: p.running.PID()}
}

func (p *pair) close() error {
	var err error
	if p.running != nil {
		err = p.running.Kill()
	}
	return errors.Join(err, os.RemoveAll(p.home))
}
