package load

import (
	"crypto/tls"
	"math/rand/v2"
	"time"

	"tidegate.dev/e2e/backend"
)

// patience is the time for an answer beyond the delay that was asked for.
const patience = 5 * time.Second

// streams that each HTTP/2 connection has under way.
const streams = 4

// Target is where requests go.
type Target struct {
	// Address is host:port.
	Address string
	// Host is the name in the request, and in the handshake.
	Host string
	// TLS with that trust; plain if nil.
	TLS *tls.Config
}

// Kind is a way in which clients use connections.
type Kind string

const (
	// KeepAlive is HTTP/1.1, request after request.
	KeepAlive Kind = "keep-alive"
	// Paused is HTTP/1.1 with pauses of 0 to 5 s between requests.
	Paused Kind = "paused"
	// Slow is HTTP/1.1 with answers that take 2 s.
	Slow Kind = "slow"
	// NewConnection is HTTP/1.1, each request on a connection of its own.
	NewConnection Kind = "new connection"
	// HTTP2 has several streams at once on each connection, and now and then an answer that takes 2 s.
	HTTP2 Kind = "http2"
	// WebSocket has sessions of a second or two, in which each message comes back.
	WebSocket Kind = "websocket"
	// LongWebSocket has one session for as long as it lives.
	LongWebSocket Kind = "long websocket"
)

// Mix says how many connections are used in which way.
type Mix map[Kind]int

// Full is all kinds on 64 connections: about 650 requests a second.
func Full() Mix {
	return Mix{KeepAlive: 24, Paused: 10, Slow: 6, NewConnection: 8, HTTP2: 6, WebSocket: 5, LongWebSocket: 5}
}

// Times is that many times the connections of each kind, but at least one.
func (m Mix) Times(factor float64) Mix {
	scaled := Mix{}
	for kind, count := range m {
		scaled[kind] = max(1, int(float64(count)*factor))
	}
	return scaled
}

// job is one request.
type job struct {
	method string
	path   string
	ask    backend.Ask
	// chunked sends the body in chunks of no announced total.
	chunked bool
}

// idempotent requests may be sent again by whoever knows only that no answer came.
func (j job) idempotent() bool { return j.method == "GET" }

// within is the time that it may take.
func (j job) within() time.Duration { return patience + j.ask.Delay }

// pace is when a client's next request is due, and what it is. Due times do not wait for answers:
// one that is late is followed at once by the next.
type pace struct {
	kind   Kind
	random *rand.Rand
	number int
	due    time.Time
}

func newPace(kind Kind, seed uint64) *pace {
	random := rand.New(rand.NewPCG(seed, 1))
	start := time.Duration(random.IntN(200)) * time.Millisecond
	return &pace{kind: kind, random: random, number: random.IntN(1 << 20), due: time.Now().Add(start)}
}

func (p *pace) next() time.Time {
	due := p.due
	switch p.kind {
	case KeepAlive:
		p.due = due.Add(50 * time.Millisecond)
	case NewConnection:
		p.due = due.Add(125 * time.Millisecond)
	case HTTP2, WebSocket, LongWebSocket:
		p.due = due.Add(200 * time.Millisecond)
	case Paused:
		// The pause begins when the answer is there.
		due = time.Now().Add(time.Duration(p.random.IntN(5001)) * time.Millisecond)
	}
	return due
}

// job is the next request: every other one a POST, one in 32 for 1 MiB.
func (p *pace) job() job {
	p.number++
	next := job{method: "GET", path: "/load", chunked: p.number%5 == 0}
	next.ask = backend.Ask{Seed: p.random.Uint64() >> 16, Bytes: 1 << 10, Chunked: p.number%3 == 0}
	if p.number%32 == 0 {
		next.ask.Bytes = 1 << 20
	}
	if p.kind == Slow || p.kind == HTTP2 && p.number%23 == 0 {
		next.ask.Delay = 2 * time.Second
	}
	if p.number%2 == 1 {
		next.method = "POST"
		// The last is more than a gateway keeps for a second try.
		next.ask.Body = []int64{100, 1 << 10, 16 << 10, 100 << 10}[p.random.IntN(4)]
	}
	return next
}
