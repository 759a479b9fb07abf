//go:build unix

package edgeroom_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/provingground/provingground/deploy/local/server"
)

func TestThePageInTwoBrowsers(t *testing.T) {
	w := inWorkerd(t, nil)
	browser := startBrowser(t)
	ann, bob := open(t, browser, w), open(t, browser, w)
	ann.sees("members", bob.name)
	bob.sees("members", ann.name)

	ann.says("hello, bob")
	bob.sees("log", ann.name+": hello, bob")
	bob.says("hello, ann")
	ann.sees("log", bob.name+": hello, ann")

	ann.clicks("add")
	bob.sees("value", "1")
	bob.clicks("add")
	ann.sees("value", "2")

	if err := w.Instances[0].Kill(); err != nil {
		t.Fatal(err)
	}
	ann.sees("state", "connection lost")
	bob.sees("state", "connection lost")
	ann.says("is anybody there?")
	ann.sees("open", "not confirmed yet: 1")
	ann.clicks("add")
	if err := w.Instances[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	carol := w.join(t, "lobby", "carol", 2)
	carol.say("1", "while you were gone")
	for _, p := range []tab{ann, bob} {
		p.sees("happened", "Back after")
		p.sees("state", "in lobby as "+p.name)
		p.sees("log", "carol: while you were gone")
		p.sees("log", "is anybody there?")
		p.sees("value", "3")
	}
	ann.sees("members", bob.name)

	bob.clicks("leave")
	bob.sees("state", "away")
	ann.loses("members", bob.name)
	ann.says("one")
	ann.says("two")
	ann.sees("log", "two")
	bob.clicks("leave") // by now it says: come back
	bob.sees("log", "two")
	if newest := bob.lines("happened")[0]; !strings.Contains(newest, "here now: 2.") {
		t.Errorf("bob is told %q, want that he missed two messages", newest)
	}

	ann.clicks("many") // for 5 s
	for kills := range 3 {
		ann.clicks("kill")
		ann.isBack(2 + kills)
		bob.isBack(3 + kills) // he left once, too
	}
	ann.says("alive")
	for _, p := range []tab{ann, bob} {
		p.sees("log", "alive")
	}

	want := ann.lines("log")
	if got := bob.lines("log"); len(got) != 7 || !slices.Equal(names(got, bob), names(want, ann)) {
		t.Errorf("bob reads %q, ann %q", got, want)
	}
	ann.sees("verdict", "each fits all before it")
	bob.sees("verdict", "each fits all before it")

	// Connections that nobody ends, and nobody answers on.
	if err := w.Instances[0].Pause(); err != nil {
		t.Fatal(err)
	}
	ann.sees("happened", "the room does not answer")
	bob.sees("happened", "the room does not answer")
	if err := w.Instances[0].Resume(); err != nil {
		t.Fatal(err)
	}
	ann.says("awake")
	bob.sees("log", "awake")
}

// names puts a name where a page says "you".
func names(lines []string, p tab) []string {
	for i, line := range lines {
		if text, ok := strings.CutPrefix(line, "you: "); ok {
			lines[i] = p.name + ": " + text
		}
	}
	return lines
}

// startBrowser starts Chromium, without network but for this machine's.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	cloud, err := server.Open(t.Context(), server.Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	program, env, err := cloud.Browser(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.Env(env...), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // root has none, and neither has what was unpacked
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is the page of a room in a window of its own.
type tab struct {
	t    *testing.T
	ctx  context.Context
	name string // of who is at it
}

// open opens the page. What it throws, and what its own policy forbids it, fails the
// test.
func open(t *testing.T, browser context.Context, w world) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page throws: %v", e.ExceptionDetails)
		case *log.EventEntryAdded:
			if e.Entry.Source != log.EntrySourceNetwork { // the process may be dead
				t.Errorf("the browser says: %s", e.Entry.Text)
			}
		}
	}))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(w.Instances[0].URL)); err != nil {
		t.Fatal(err)
	}
	p := tab{t: t, ctx: ctx}
	var err error
	if p.name, err = chromedp.Run(ctx, chromedp.Evaluate[string]("sessionStorage.me")); err != nil {
		t.Fatal(err)
	}
	return p
}

// sees waits until an element holds a text.
func (p tab) sees(id, text string) {
	p.t.Helper()
	p.awaits(id, fmt.Sprintf("e.textContent.includes(%q)", text))
}

// loses waits until an element does not hold a text.
func (p tab) loses(id, text string) {
	p.t.Helper()
	p.awaits(id, fmt.Sprintf("!e.textContent.includes(%q)", text))
}

// isBack waits until the page has told so many times that it came back.
func (p tab) isBack(times int) {
	p.t.Helper()
	p.awaits("happened", fmt.Sprintf("[...e.children].filter(line => line.textContent.includes('Back after')).length === %d", times))
}

// awaits a condition on an element, e. Chromedp's own polling makes code out of text,
// which the page's policy forbids.
func (p tab) awaits(id, condition string) {
	p.t.Helper()
	p.do("awaits of "+id+" "+condition, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`new Promise(done => {
		const e = document.getElementById(%q);
		const look = () => { if (%s) { watch.disconnect(); done(); } };
		const watch = new MutationObserver(look);
		watch.observe(e, { childList: true, characterData: true, subtree: true });
		look();
	})`, id, condition), chromedp.EvalAwaitPromise))
}

func (p tab) lines(id string) []string {
	p.t.Helper()
	all, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](fmt.Sprintf("[...document.getElementById(%q).children].map(e => e.textContent)", id)))
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

func (p tab) clicks(id string) {
	p.t.Helper()
	p.do("clicks on "+id, chromedp.Click(chromedp.ID(id)))
}

func (p tab) says(text string) {
	p.t.Helper()
	p.do("says "+text, chromedp.SendKeys(chromedp.ID("text"), text+"\n"))
}

func (p tab) do(what string, a chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, a); err != nil {
		p.t.Fatalf("%s %s: %v; the page says %q", p.name, what, err, p.text())
	}
}

// text is all that the page shows.
func (p tab) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}
