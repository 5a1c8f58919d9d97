package bed

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// How long a part may take to end by itself. The API server waits for its clients otherwise.
const stopWithin = 3 * time.Second

// serveControl stops and starts parts of the running cluster, for tests that want to see what
// happens then.
func (p *processes) serveControl() {
	listener, err := net.Listen("unix", p.layout.run("control.sock"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "control:", err)
		return
	}
	handler := http.NewServeMux()
	handle := func(pattern string, act func(name string) error) {
		handler.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := act(r.PathValue("name")); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		})
	}
	handle("POST /stop/{name}", p.stop)
	handle("POST /start/{name}", p.startAgain)
	fmt.Fprintln(os.Stderr, "control:", http.Serve(listener, handler))
}

func (p *processes) stop(name string) error {
	if p.layout.command(name) == nil {
		return fmt.Errorf("%q is no part of the cluster", name)
	}
	if err := p.signal(name, syscall.SIGTERM); err != nil {
		return err
	}
	deadline := time.Now().Add(stopWithin)
	for p.alive(name) {
		if time.Now().After(deadline) {
			// An error means that it has ended meanwhile.
			_ = p.signal(name, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

func (p *processes) startAgain(name string) error {
	if p.layout.command(name) == nil {
		return fmt.Errorf("%q is no part of the cluster", name)
	}
	if p.alive(name) {
		return fmt.Errorf("%s is running", name)
	}
	return p.startServices(name)
}

// Stop ends a part of the running cluster, such as apiserver, until Start.
func (l Layout) Stop(ctx context.Context, name string) error { return l.control(ctx, "stop", name) }

// Start starts a part that was stopped. It does not wait until that is ready.
func (l Layout) Start(ctx context.Context, name string) error { return l.control(ctx, "start", name) }

func (l Layout) control(ctx context.Context, act, name string) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.run("control.sock"))
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bed/"+act+"/"+name, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(response.Body)
		return fmt.Errorf("cannot %s %s: %s", act, name, message)
	}
	return nil
}
