//go:build unix

// Package process runs one child process: started with a complete environment,
// logged to a file, never outliving its parent unless asked to, and ended by
// signals to its whole group. An [ID] names a process across restarts of ours.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec says what to start.
type Spec struct {
	Name string   // in errors
	Path string   // of the program
	Args []string // without the program's name
	Env  []string // complete: nothing is inherited
	Dir  string   // working folder, default: ours
	Log  string   // file that gets both outputs, appended; default: discarded
	// Detached puts the child into a session of its own, where it survives us.
	// Otherwise it is killed when we die (on Linux).
	Detached bool
	// User and its group run the child, for a program that refuses root; 0: ours.
	// On Linux it may still read what root may, since a clone may lie in root's
	// own folder.
	User uint32
}

// Process is a child process. Its methods may be called by several goroutines.
type Process struct {
	id     ID
	name   string
	log    string
	offset int64 // of the log when the process started
	done   chan struct{}

	mu   sync.Mutex // held while the process is signalled or reaped
	gone bool
	exit error
}

// Start starts the process. A goroutine of its own waits for it until it ends.
func Start(spec Spec) (*Process, error) {
	out, err := openLog(spec.Log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	defer out.Close()
	offset, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		offset = 0 // the null device
	}
	cmd := spec.command()
	cmd.Env = append([]string{}, spec.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes(spec.Detached, spec.User)

	p := &Process{name: spec.Name, log: spec.Log, offset: offset, done: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	return p, nil
}

// command leaves the way to folder and program to a shell where another user runs
// it: that user's rights to read count from the first exec on.
func (s Spec) command() *exec.Cmd {
	if s.User == 0 {
		cmd := exec.Command(s.Path, s.Args...)
		cmd.Dir = s.Dir
		return cmd
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", `cd "$0" && exec "$@"`, s.Dir, s.Path}, s.Args...)...)
	cmd.Dir = "/"
	return cmd
}

func openLog(name string) (*os.File, error) {
	if name == "" {
		name = os.DevNull
	}
	return os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// run starts and waits on one locked thread: the kernel sends the parent-death
// signal when the thread that forked ends, not when the process does.
func (p *Process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.id = Identify(cmd.Process.Pid)
	started <- nil
	awaitExit(p.id.PID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exit, p.gone = cmd.Wait(), true
	close(p.done)
}

// Run runs the program to its end, as Start would, and returns what went wrong
// with the end of its log; when ctx ends first, the program is killed.
func Run(ctx context.Context, spec Spec) error {
	p, err := Start(spec)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.Kill())
	}
	if p.ExitCode() != 0 {
		return p.Err()
	}
	return nil
}

// PID returns the process id, which is also the id of its group.
func (p *Process) PID() int { return p.id.PID }

// ID returns what names the process after we are gone.
func (p *Process) ID() ID { return p.id }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says why the process ended, with the last lines of its log. It is nil
// while the process runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	reason := "ended: exit status 0"
	if p.exit != nil {
		reason = "ended: " + p.exit.Error()
	}
	tail := p.Tail(12)
	if tail == "" {
		return fmt.Errorf("%s %s, nothing in its log", p.name, reason)
	}
	return fmt.Errorf("%s %s; the end of its log:\n%s", p.name, reason, indent(tail))
}

// ExitCode returns the exit code, or -1 while the process runs and when a signal
// ended it.
func (p *Process) ExitCode() int {
	select {
	case <-p.done:
	default:
		return -1
	}
	if p.exit == nil {
		return 0
	}
	if e, ok := errors.AsType[*exec.ExitError](p.exit); ok {
		return e.ExitCode()
	}
	return -1
}

// Tail returns the last lines of what this process has logged.
func (p *Process) Tail(lines int) string { return Tail(p.log, p.offset, lines) }

// Kill sends SIGKILL to the group and waits for the end of the process.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Pause stops the whole group (SIGSTOP): its sockets stay open, nothing answers.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume continues the whole group (SIGCONT).
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

// Stop sends SIGTERM to the process and waits; when ctx ends first, the group is
// killed and the error says so. A process that is gone already is no error.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.terminate(); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	if err := p.Kill(); err != nil {
		return err
	}
	return fmt.Errorf("%s did not end after SIGTERM and was killed: %w", p.name, context.Cause(ctx))
}

func (p *Process) terminate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	// A paused process gets SIGTERM only after SIGCONT.
	return errors.Join(syscall.Kill(p.id.PID, syscall.SIGTERM), syscall.Kill(-p.id.PID, syscall.SIGCONT))
}

// signal cannot hit a recycled pid: the process is not reaped while mu is held.
func (p *Process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	if err := syscall.Kill(-p.id.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: %v: %w", p.name, sig, err)
	}
	return nil
}

// Tail returns at most the given number of last lines, and at most 16 KiB, of
// what a file holds after offset. It is empty for a file that cannot be read.
func Tail(name string, offset int64, lines int) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	const most = 16 << 10
	text, err := io.ReadAll(io.NewSectionReader(f, max(offset, info.Size()-most), most))
	if err != nil {
		return ""
	}
	all := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

func indent(text string) string {
	var b strings.Builder
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		b.WriteString("  | " + s.Text() + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// poll calls done until it is true or ctx ends.
func poll(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}
