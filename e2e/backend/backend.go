// Package backend answers requests in the way that they ask for, and tells what it saw.
//
//	ANY /any/path?bytes=N&seed=S&delay=D&chunked=1&body=M&header=H
//
// waits for D (such as 2s), then answers 200 with content.NewReader(S, N). The header X-Backend is
// the backend's name; X-Received is "M same" if the request's body was content.NewReader(S, M),
// else what was wrong with it. X-Seen is the request's header H. With `Upgrade: websocket` each message
// comes back. Spans that come by OTLP are taken, and /stats tells which they are. A gateway that asks by
// gRPC whether to let somebody in is told so.
package backend

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tidegate.dev/e2e/content"
)

// The headers of answers.
const (
	Name       = "X-Backend"
	Received   = "X-Received"
	Seen       = "X-Seen"
	AdmittedBy = "X-Admitted-By"
)

// Ask is what a request wants.
type Ask struct {
	Seed    uint64
	Bytes   int64
	Delay   time.Duration
	Chunked bool
	// Body is the length of the request's own body.
	Body int64
}

// Query is the ask as the query of a URL.
func (a Ask) Query() string {
	query := url.Values{}
	query.Set("seed", strconv.FormatUint(a.Seed, 10))
	query.Set("bytes", strconv.FormatInt(a.Bytes, 10))
	query.Set("body", strconv.FormatInt(a.Body, 10))
	if a.Delay > 0 {
		query.Set("delay", a.Delay.String())
	}
	if a.Chunked {
		query.Set("chunked", "1")
	}
	return query.Encode()
}

func parse(query url.Values) (Ask, error) {
	var ask Ask
	var err error
	number := func(name string) int64 {
		text := query.Get(name)
		if text == "" || err != nil {
			return 0
		}
		var n int64
		if n, err = strconv.ParseInt(text, 10, 64); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return n
	}
	ask.Bytes, ask.Body = number("bytes"), number("body")
	ask.Chunked = query.Get("chunked") != ""
	if text := query.Get("seed"); text != "" && err == nil {
		ask.Seed, err = strconv.ParseUint(text, 10, 64)
	}
	if text := query.Get("delay"); text != "" && err == nil {
		ask.Delay, err = time.ParseDuration(text)
	}
	return ask, err
}

// Backend is a handler of requests and what it remembers of them.
type Backend struct {
	name     string
	requests atomic.Int64
	// last is when the last request came, in nanoseconds since 1970.
	last     atomic.Int64
	notReady atomic.Bool

	mutex sync.Mutex
	// spans has each that came.
	spans []string
}

// New makes one that calls itself by that name.
func New(name string) *Backend { return &Backend{name: name} }

// ServeHTTP answers.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	b.last.Store(time.Now().UnixNano())
	w.Header().Set(Name, b.name)
	if r.Header.Get("Upgrade") == "websocket" {
		echo(w, r, b.name)
		return
	}
	if r.Method == http.MethodPost && (r.URL.Path == overHTTP || r.URL.Path == overGRPC) {
		b.collect(w, r)
		return
	}
	if r.Method == http.MethodPost && r.URL.Path == admission {
		b.admit(w, r)
		return
	}
	ask, err := parse(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	received := fmt.Sprintf("%d same", ask.Body)
	if err := content.Check(r.Body, ask.Seed, ask.Body); err != nil {
		received = err.Error()
	}
	w.Header().Set(Received, received)
	if name := r.URL.Query().Get("header"); name != "" {
		w.Header().Set(Seen, strings.Join(r.Header.Values(name), ", "))
	}
	if !sleep(r.Context(), ask.Delay) {
		return
	}
	if !ask.Chunked {
		w.Header().Set("Content-Length", strconv.FormatInt(ask.Bytes, 10))
	}
	// An error is the client's, which is gone.
	_, _ = io.Copy(w, content.NewReader(ask.Seed, ask.Bytes))
}

func sleep(ctx context.Context, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(delay):
		return true
	}
}
