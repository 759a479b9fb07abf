package leaderboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"

	"github.com/provingground/provingground/pkg/idempotency"
	"github.com/provingground/provingground/pkg/problem"
)

const (
	maxBody        = 4 << 10
	requestTimeout = 3 * time.Second // under any sensible client's own
	cacheControl   = "public, max-age=1"
	sequenceHeader = "Leaderboard-Sequence"
)

// API is the public listener. It is fasthttp: at 50,000 reads a second on two
// cores net/http has nothing left for anybody else.
type API struct {
	admit   *rate.Limiter // requests that this process takes on; the rest is refused at once
	service *Service
	metrics *metrics
	log     *slog.Logger
	serving atomic.Bool
}

func newAdmission(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/20)))
}

// SetReady says whether a balancer may send requests here. Without an edition of
// the board there is nothing to serve, so that is waited for, too.
func (a *API) SetReady(ready bool) { a.serving.Store(ready) }

// errShed says that more arrives than this process admits. Refusing early keeps
// those that are admitted fast.
var errShed = fmt.Errorf("%w: more requests arrive than are admitted", ErrUnavailable)

// handle takes the pages out before anything else: they are nearly everything.
func (a *API) handle(ctx *fasthttp.RequestCtx) {
	if !a.admit.Allow() {
		a.shed(ctx)
		return
	}
	if n, ok := pageNumber(ctx.Request.Header.RequestURI()); ok && (ctx.IsGet() || ctx.IsHead()) {
		a.page(ctx, n)
		return
	}
	path := string(ctx.Path())
	rest, isPage := strings.CutPrefix(path, "/api/pages/")
	player, isPlayer := strings.CutPrefix(path, "/api/players/")
	switch {
	case path == "/api/scores":
		a.only(ctx, "submit", "POST", a.submit)
	case isPage:
		a.only(ctx, "page", "GET, HEAD", func(ctx *fasthttp.RequestCtx) { a.slowPage(ctx, rest) })
	case isPlayer:
		a.only(ctx, "player", "GET, HEAD", func(ctx *fasthttp.RequestCtx) { a.player(ctx, player) })
	case path == "/healthz":
		ctx.SetBodyString("ok\n")
	case path == "/readyz":
		a.readyz(ctx)
	default:
		a.fail(ctx, "other", problem.New(http.StatusNotFound, "no-such-path", "No such path", "There is nothing at "+strconv.Quote(path)+"."))
	}
}

// shed refuses everything but the question whether the process is well.
func (a *API) shed(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/healthz":
		ctx.SetBodyString("ok\n")
	case "/readyz":
		a.readyz(ctx)
	default:
		a.fail(ctx, "shed", errShed)
	}
}

// only refuses other methods.
func (a *API) only(ctx *fasthttp.RequestCtx, request, allow string, next fasthttp.RequestHandler) {
	for method := range strings.SplitSeq(allow, ", ") {
		if string(ctx.Method()) == method {
			next(ctx)
			return
		}
	}
	ctx.Response.Header.Set("Allow", allow)
	a.fail(ctx, request, notAllowed(string(ctx.Method()), allow))
}

func (a *API) readyz(ctx *fasthttp.RequestCtx) {
	if !a.serving.Load() || a.service.board.edition() == nil {
		ctx.Error("starting or draining\n", http.StatusServiceUnavailable)
		return
	}
	ctx.SetBodyString("ok\n")
}

// page is the hot path. Everything it sends was made when the edition was.
func (a *API) page(ctx *fasthttp.RequestCtx, n int) {
	e := a.service.board.serving()
	if e == nil {
		a.fail(ctx, "page", ErrUnavailable)
		return
	}
	v := &e.pages[n-1].plain
	zipped := acceptsGzip(ctx.Request.Header.Peek("Accept-Encoding"))
	if zipped {
		v = &e.pages[n-1].zipped
	}
	h := &ctx.Response.Header
	h.SetCanonical([]byte("ETag"), v.etag)
	h.SetCanonical([]byte("Cache-Control"), []byte(cacheControl))
	h.SetCanonical([]byte("Vary"), []byte("Accept-Encoding"))
	h.SetCanonical([]byte(sequenceHeader), e.sequence)
	if e.age != nil {
		h.SetCanonical([]byte("Age"), e.age)
	}
	if matches(ctx.Request.Header.Peek("If-None-Match"), v.etag) {
		h.SetNoDefaultContentType(true)
		ctx.SetStatusCode(http.StatusNotModified)
		a.metrics.pageSame.Inc()
		return
	}
	if zipped {
		h.SetContentEncoding("gzip")
	}
	h.SetContentType("application/json")
	ctx.Response.SetBodyRaw(v.body)
	a.metrics.pageOK.Inc()
}

// slowPage serves a page that was asked for in an unusual way, with a query for
// example, and refuses those that do not exist.
func (a *API) slowPage(ctx *fasthttp.RequestCtx, rest string) {
	if n, ok := pageNumber([]byte("/api/pages/" + rest)); ok {
		a.page(ctx, n)
		return
	}
	a.fail(ctx, "page", noSuchPage())
}

func (a *API) player(ctx *fasthttp.RequestCtx, player string) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	standing, err := a.service.Standing(limited, player)
	if err != nil {
		a.fail(ctx, "player", err)
		return
	}
	ctx.Response.Header.Set("Cache-Control", cacheControl)
	ctx.Response.Header.Set(sequenceHeader, strconv.FormatInt(standing.sequence, 10))
	a.answer(ctx, "player", http.StatusOK, standing)
}

type submitBody struct {
	Player string `json:"player"`
	Name   string `json:"name"`
	Score  *int64 `json:"score"`
}

func (a *API) submit(ctx *fasthttp.RequestCtx) {
	sub, err := readSubmission(ctx)
	if err != nil {
		a.fail(ctx, "submit", err)
		return
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	receipt, err := a.service.Submit(limited, sub)
	if err != nil {
		a.fail(ctx, "submit", err)
		return
	}
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.SetContentType("application/json")
	ctx.SetBody(receipt)
	a.count("submit", http.StatusOK)
}

// readSubmission checks everything that can be checked without a store.
func readSubmission(ctx *fasthttp.RequestCtx) (Submission, error) {
	header := http.Header{}
	for _, value := range ctx.Request.Header.PeekAll(idempotency.Header) {
		header.Add(idempotency.Header, string(value))
	}
	key, err := idempotency.Key(header)
	if err != nil {
		return Submission{}, err
	}
	if key == "" {
		key = unkeyed()
	}
	if err := problem.JSONType(string(ctx.Request.Header.ContentType())); err != nil {
		return Submission{}, err
	}
	var body submitBody
	if err := problem.DecodeStrict(ctx.Request.Body(), &body); err != nil {
		return Submission{}, err
	}
	sub, err := body.submission()
	sub.Key = key
	sub.Print = idempotency.Fingerprint("POST", "/api/scores", string(ctx.Request.Body()))
	return sub, err
}

func (b submitBody) submission() (Submission, error) {
	if b.Score == nil {
		return Submission{}, problem.Invalid("score is required")
	}
	for _, err := range []error{ValidPlayer(b.Player), ValidName(b.Name), ValidScore(*b.Score)} {
		if err != nil {
			return Submission{}, problem.Invalid(err.Error())
		}
	}
	return Submission{Player: b.Player, Name: b.Name, Score: *b.Score}, nil
}

func (a *API) answer(ctx *fasthttp.RequestCtx, request string, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		a.fail(ctx, request, err)
		return
	}
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.SetBody(raw)
	a.count(request, status)
}

func (a *API) fail(ctx *fasthttp.RequestCtx, request string, err error) {
	p := problemOf(err)
	a.count(request, p.Status)
	if p.Status >= 500 && p.Status != http.StatusServiceUnavailable {
		a.log.Error("request failed", "request", request, "status", p.Status, "error", err)
	}
	writeProblem(ctx, p)
}

// refuse answers what fasthttp could not read as a request. The connection
// closes after it.
func (a *API) refuse(ctx *fasthttp.RequestCtx, err error) {
	var (
		headers *fasthttp.ErrSmallBuffer
		network net.Error
	)
	p := problem.Invalid("this is not an HTTP request that can be served")
	switch {
	case errors.As(err, &headers):
		p = problem.New(http.StatusRequestHeaderFieldsTooLarge, "headers-too-large", "Headers are too large", "All headers together may have 8 kB.")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		p = problem.TooLarge(maxBody)
	case errors.As(err, &network) && network.Timeout():
		p = problem.New(http.StatusRequestTimeout, "request-timeout", "The request came too slowly", "It must be complete within 10 s.")
	}
	a.count("unreadable", p.Status)
	writeProblem(ctx, p)
}

func writeProblem(ctx *fasthttp.RequestCtx, p *problem.Problem) {
	h := &ctx.Response.Header
	h.SetContentType(problem.ContentType)
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	ctx.SetStatusCode(p.Status)
	ctx.SetBody(p.JSON())
}

func (a *API) count(request string, status int) {
	a.metrics.responses.WithLabelValues(request, strconv.Itoa(status)).Inc()
}

// server returns the listener's server with its bounds.
func (a *API) server() fastServer {
	return fastServer{&fasthttp.Server{
		Handler:               a.handle,
		ErrorHandler:          a.refuse,
		Concurrency:           16_384,
		ReadBufferSize:        8 << 10, // also the limit of all headers together
		MaxRequestBodySize:    maxBody,
		ReadTimeout:           10 * time.Second,
		WriteTimeout:          10 * time.Second,
		IdleTimeout:           2 * time.Minute,
		NoDefaultServerHeader: true,
		CloseOnShutdown:       true,
		Logger:                debugLog{a.log},
	}}
}

// fastServer makes a fasthttp server stop as an http.Server does.
type fastServer struct{ *fasthttp.Server }

// Shutdown stops accepting and waits for the requests under way.
func (s fastServer) Shutdown(ctx context.Context) error { return s.ShutdownWithContext(ctx) }

// debugLog keeps what clients do wrong out of the log.
type debugLog struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (d debugLog) Printf(format string, args ...any) {
	d.log.Debug("connection", "format", format, "args", args)
}
