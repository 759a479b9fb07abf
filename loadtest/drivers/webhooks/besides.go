package webhooks

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/provingground/provingground/loadtest/http1"
	"github.com/provingground/provingground/loadtest/judge"
	"github.com/provingground/provingground/loadtest/trial"
)

// other is an event of an account that nobody has, so that any effect of it shows.
func (d *Driver) other(id string) event {
	e := event{provider: "payments", id: "r" + d.run + "-other-" + id, kind: "payment.received", account: "r" + d.run + "-nobody", version: 1, amount: 1}
	e.body = fmt.Appendf(nil, `{"id":%q,"type":%q,"account":%q,"created":%d,"version":1,"data":{"amount":1}}`, e.id, e.kind, e.account, time.Now().Unix())
	return e
}

// send sends a request to a process of its own choice and returns the status, or 0.
func (d *Driver) send(ctx context.Context, n int, request []byte) int {
	client := http1.Client{Addr: d.hosts[n%len(d.hosts)], Timeout: sendTimeout}
	defer client.Close()
	var resp http1.Response
	if err := client.Do(ctx, request, &resp); err != nil {
		return 0
	}
	return resp.Status
}

// forge sends an event with a signature by nobody's key.
func (d *Driver) forge(ctx context.Context, n int) {
	e := d.other(fmt.Sprintf("forged-%d", n))
	request, err := d.request(e, time.Now())
	if err != nil {
		d.mischief.saw(false)
		return
	}
	// The last digit of the signature is another one.
	text := string(request)
	at := strings.Index(text, "v1=") + len("v1=") + 63
	digit := "0"
	if text[at] == '0' {
		digit = "1"
	}
	status := d.send(ctx, n, []byte(text[:at]+digit+text[at+1:]))
	if ctx.Err() == nil {
		d.mischief.saw(status == 401)
	}
}

// drip sends a byte of its body each second until it is cut off; every twentieth
// sends 10 MB instead.
func (d *Driver) drip(ctx context.Context, n int) {
	if n%20 == 7 {
		d.mischief.saw(d.flood(ctx, n))
		return
	}
	e := d.other("drip")
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.hosts[n%len(d.hosts)])
	if err != nil {
		d.mischief.saw(false)
		return
	}
	defer conn.Close()
	signature := d.signature(e, time.Now())
	fmt.Fprintf(conn, "POST /webhooks/payments HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s: %s\r\n\r\n", len(e.body), signature.Name, signature.Value)
	const patience = 20 // seconds: the service cuts off after ten
	for i := range patience {
		if _, err := conn.Write(e.body[i : i+1]); err != nil || !sleep(ctx, time.Second) {
			break
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF {
			d.mischief.saw(true) // refused, or cut off
			return
		}
	}
	if ctx.Err() == nil {
		d.mischief.saw(false)
	}
}

// flood sends a body of 10 MB, validly signed, and reports whether it was refused.
func (d *Driver) flood(ctx context.Context, n int) bool {
	e := d.other("flood")
	e.body = append(e.body, make([]byte, 10<<20)...)
	request, err := d.request(e, time.Now())
	if err != nil {
		return false
	}
	// The answer may come before the body is read: then the connection ends.
	status := d.send(ctx, n, request)
	return status == 413 || status == 0
}

// replayed sends recorded events again, and has the replay command publish the hot
// account's out of the inbox.
func (d *Driver) replayed(t timeline) *trial.Drill {
	plan := d.besides(t, "recorded events are sent again", 20, d.again)
	var program string
	plan.Before = func(ctx context.Context) (err error) { program, err = build(ctx); return err }
	end := plan.Steps[1].Do
	said := ""
	plan.Steps[1].Name = "that is over, and the hot account is replayed from the inbox"
	plan.Steps[1].Do = func(ctx context.Context) error {
		if err := end(ctx); err != nil {
			return err
		}
		out, err := d.replay(ctx, program)
		said = out
		return err
	}
	checks := plan.Judge
	plan.Judge = func(o trial.Observed) []judge.Check {
		return append(checks(o), judge.Checkf("replay", strings.Contains(said, `"action":"replay"`) && !strings.Contains(said, `"events":0`), "the replay says %s", strings.TrimSpace(said)))
	}
	return plan
}

func build(ctx context.Context) (string, error) {
	program := filepath.Join(".local", "bin", "webhooks-replay")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./scenarios/webhooks/cmd/replay").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the replay command: %w\n%s", err, out)
	}
	return program, nil
}

func (d *Driver) replay(ctx context.Context, program string) (string, error) {
	provider := "payments"
	if d.setup.Records%4 == 1 {
		provider = "repos"
	}
	cmd := exec.CommandContext(ctx, program, "-provider", provider, d.hot(), time.Now().UTC().Add(-time.Hour).Format(time.RFC3339))
	cmd.Env = os.Environ()
	for name, value := range d.setup.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("replay: %w\n%s", err, out)
	}
	return string(out), nil
}

// again sends a recorded event. Signed an hour ago, as the recording of an hour
// ago is, it is refused where the time is signed; else it is taken and changes
// nothing.
func (d *Driver) again(ctx context.Context, n int) {
	d.mischief.mu.Lock()
	var e event
	if len(d.mischief.recorded) > 0 {
		e = d.mischief.recorded[n%len(d.mischief.recorded)]
	}
	d.mischief.mu.Unlock()
	if e.id == "" {
		return
	}
	at, want := time.Now(), 202
	if n%2 == 0 && e.provider == "payments" {
		at, want = at.Add(-time.Hour), 401
	}
	request, err := d.request(e, at)
	if err != nil {
		d.mischief.saw(false)
		return
	}
	status := d.send(ctx, n, request)
	if ctx.Err() == nil {
		d.mischief.saw(status == want)
	}
}
