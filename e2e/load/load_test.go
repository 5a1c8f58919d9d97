package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/backend"
	"tidegate.dev/e2e/content"
)

// start serves on a port of the system's choice until the test ends.
func start(t *testing.T, handler http.Handler) (*http.Server, Target) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, Protocols: &http.Protocols{}}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return server, Target{Address: listener.Addr().String(), Host: "shop.example.com"}
}

// await returns the report once it fulfils the condition.
func await(t *testing.T, l *Load, condition func(*Report) bool) *Report {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition(l.Report()) {
		if time.Now().After(deadline) {
			t.Fatalf("the load comes to nothing:\n%s", l.Report())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return l.Stop()
}

func TestNothingFailsWhereNothingIsWrong(t *testing.T) {
	_, target := start(t, backend.New("only"))
	l := Start(Full(), target)
	if err := l.WaitUntilWarm(); err != nil {
		t.Fatal(err)
	}
	report := await(t, l, func(r *Report) bool { return r.Sent() > 1500 })
	if len(report.Failures) > 0 {
		t.Error(report)
	}
	if share := float64(report.Posts) / float64(report.Posts+report.Gets); share < 0.45 || share > 0.55 {
		t.Errorf("the share of POSTs is %.2f: %s", share, report)
	}
	if report.Backends["only"] == 0 || report.Slowest == 0 {
		t.Error(report)
	}
}

// A server that says Connection: close after each answer, and GOAWAY at its end, loses nothing.
func TestCorrectClientsFollowTheServer(t *testing.T) {
	b := backend.New("only")
	server, target := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		b.ServeHTTP(w, r)
	}))
	l := Start(Mix{KeepAlive: 8, HTTP2: 2}, target)
	report := await(t, l, func(r *Report) bool { return r.Answers[KeepAlive] > 50 && r.Answers[HTTP2] > 50 })
	if len(report.Failures) > 0 {
		t.Error(report)
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAKilledBackendIsNoticedInEveryWay(t *testing.T) {
	server, target := start(t, backend.New("only"))
	l := Start(Full(), target)
	if err := l.WaitUntilWarm(); err != nil {
		t.Fatal(err)
	}
	server.Close()
	report := await(t, l, func(r *Report) bool { return len(r.Failures) > 200 })
	kinds, whats := map[Kind]bool{}, map[What]bool{}
	for _, failure := range report.Failures {
		kinds[failure.Kind], whats[failure.What] = true, true
	}
	// Sessions are hijacked: a Go server's Close leaves them alone, but nobody opens a new one.
	for _, kind := range []Kind{KeepAlive, Slow, NewConnection, HTTP2, WebSocket} {
		if !kinds[kind] {
			t.Errorf("no failure of kind %s:\n%s", kind, report)
		}
	}
	if !whats[Connect] || !whats[NoAnswer] {
		t.Error(report)
	}
}

// Each way in which an answer can be wrong is told, over both versions.
func TestWrongAnswersAreNoticed(t *testing.T) {
	head := func(w http.ResponseWriter, r *http.Request, length int64) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set(backend.Name, "b")
		w.Header().Set(backend.Received, r.URL.Query().Get("body")+" same")
		w.Header().Set("Content-Length", fmt.Sprint(length))
	}
	bytes := func(r *http.Request) []byte {
		var seed uint64
		var length int64
		fmt.Sscan(r.URL.Query().Get("seed"), &seed)
		fmt.Sscan(r.URL.Query().Get("bytes"), &length)
		all, _ := io.ReadAll(content.NewReader(seed, length))
		return all
	}
	for _, c := range []struct {
		name   string
		want   What
		detail string
		answer http.HandlerFunc
	}{
		{"a wrong byte", Wrong, "a wrong byte", func(w http.ResponseWriter, r *http.Request) {
			body := bytes(r)
			body[len(body)-1] ^= 1
			head(w, r, int64(len(body)))
			w.Write(body)
		}},
		{"short although it looks complete", Wrong, "ended after 5 of", func(w http.ResponseWriter, r *http.Request) {
			head(w, r, 5)
			w.Write(bytes(r)[:5])
		}},
		{"breaks off", Cut, "", func(w http.ResponseWriter, r *http.Request) {
			body := bytes(r)
			head(w, r, int64(len(body)))
			w.Write(body[:5])
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"no answer", NoAnswer, "", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"another status", Status, "503", func(w http.ResponseWriter, r *http.Request) {
			head(w, r, 0)
			w.WriteHeader(http.StatusServiceUnavailable)
		}},
		{"not the backend's", Status, `200 from ""`, func(w http.ResponseWriter, r *http.Request) { w.Write(bytes(r)) }},
		{"a body lost on the way", Wrong, "the backend got", func(w http.ResponseWriter, r *http.Request) {
			body := bytes(r)
			head(w, r, int64(len(body)))
			w.Header().Set(backend.Received, "ended after 0 bytes")
			w.Write(body)
		}},
		{"never", Late, "", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		for _, kind := range []Kind{NewConnection, KeepAlive, HTTP2} {
			t.Run(c.name+" over "+string(kind), func(t *testing.T) {
				t.Parallel()
				_, target := start(t, c.answer)
				report := await(t, Start(Mix{kind: 2}, target), func(r *Report) bool { return len(r.Failures) >= 2 })
				for _, failure := range report.Failures {
					if failure.What != c.want || !strings.Contains(failure.Detail, c.detail) {
						t.Errorf("want %s: %s", c.want, failure)
					}
				}
				if report.Sent() != len(report.Failures) {
					t.Error(report)
				}
			})
		}
	}
}
