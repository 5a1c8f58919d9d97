// Package load makes load as real clients do, and judges every single answer.
//
// It has sockets of its own, since Go's http.Transport sends requests again by itself and so hides
// what is to be found. The clients never repeat a request. They are correct, though: they take
// another connection when the server said `Connection: close` or GOAWAY, and when it had closed the
// connection before they began to send. A close that crosses a request on its way is a failure.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Load runs until it is stopped.
type Load struct {
	mix     Mix
	tally   tally
	started time.Time
	ctx     context.Context
	stop    context.CancelFunc
	clients sync.WaitGroup
}

// Start starts that mix; its connections take the targets in turn.
func Start(mix Mix, targets ...Target) *Load {
	l := &Load{mix: mix, started: time.Now()}
	l.tally.report.Answers, l.tally.report.Backends = map[Kind]int{}, map[string]int{}
	l.ctx, l.stop = context.WithCancel(context.Background())
	number := 0
	for _, kind := range []Kind{KeepAlive, Paused, Slow, NewConnection, HTTP2, WebSocket, LongWebSocket} {
		for range mix[kind] {
			l.start(kind, targets[number%len(targets)], uint64(number))
			number++
		}
	}
	return l
}

func (l *Load) start(kind Kind, target Target, number uint64) {
	switch kind {
	case HTTP2:
		shared := &http2Client{load: l, target: target}
		for stream := range uint64(streams) {
			l.clients.Go(func() { shared.run(newPace(kind, 1000+number*streams+stream)) })
		}
	case WebSocket, LongWebSocket:
		l.clients.Go(func() { (&webSocketClient{l, kind, target}).run(newPace(kind, number)) })
	default:
		l.clients.Go(func() { (&http1Client{load: l, kind: kind, target: target}).run(newPace(kind, number)) })
	}
}

// WaitUntilWarm returns when every kind of client has had answers, so that a disturbance meets
// traffic.
func (l *Load) WaitUntilWarm() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		report := l.Report()
		cold := ""
		for kind, count := range l.mix {
			if count > 0 && report.Answers[kind] < 3 {
				cold = string(kind)
			}
		}
		if cold == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no answers of kind %s:\n%s", cold, report)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Report tells what happened so far.
func (l *Load) Report() *Report {
	report := l.tally.snapshot()
	report.Elapsed = time.Since(l.started)
	return report
}

// Stop ends when what was begun is done, and tells what happened.
func (l *Load) Stop() *Report {
	l.stop()
	// Until now requests were begun; what follows would only water the rate down.
	elapsed := time.Since(l.started)
	l.clients.Wait()
	report := l.tally.snapshot()
	report.Elapsed = elapsed
	return report
}

// pauseUntil is false once the load is stopped.
func (l *Load) pauseUntil(moment time.Time) bool {
	if pause := time.Until(moment); pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-l.ctx.Done():
		case <-timer.C:
		}
	}
	return l.ctx.Err() == nil
}

// record enters the outcome of a job. Who failed has a pause, so as not to do nothing but fail.
func (l *Load) record(kind Kind, j job, begun time.Time, backend, place string, err error) {
	took := time.Since(begun)
	if err == nil {
		l.tally.answered(kind, j, backend, took)
		return
	}
	var p problem
	if !errors.As(err, &p) {
		p = problem{NoAnswer, err.Error()}
	}
	l.tally.failed(Failure{
		Kind: kind, What: p.what, Detail: p.detail, Idempotent: j.idempotent(), Backend: backend, Begun: begun, Took: took,
		Request: fmt.Sprintf("%s (%d bytes) for %s, %s", j.method, j.ask.Body, j.ask.Query(), place),
	})
	l.pauseUntil(time.Now().Add(50 * time.Millisecond))
}

// broken tells a deadline from other ends of a connection.
func broken(what What, err error) error {
	var timeout net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return problem{Late, err.Error()}
	}
	return problem{what, err.Error()}
}
