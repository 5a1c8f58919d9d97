// Command backend is what tests put behind a Gateway; see package backend for what it answers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tidegate.dev/e2e/backend"
)

func main() {
	listen := flag.String("listen", ":8080", "`address` for requests, in HTTP/1.1 and in HTTP/2 by prior knowledge")
	control := flag.String("control", ":8081", "`address` for /readyz, /stats and /ready/{true,false}")
	name := flag.String("name", os.Getenv("POD_NAME"), "`name` that every answer carries; $POD_NAME by default")
	tls := flag.String("tls", "", "`directory` with tls.crt and tls.key, for requests by HTTPS on :8443")
	exit := flag.Bool("exit-at-sigterm", false, "end at once, whatever is under way; otherwise finish that")
	flag.Parse()
	if err := run(*listen, *control, *name, *tls, *exit); err != nil {
		log.Fatal(err)
	}
}

func run(listen, control, name, tls string, exit bool) error {
	b := backend.New(name)
	server := &http.Server{Addr: listen, Handler: b, Protocols: &http.Protocols{}}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ended := make(chan error, 3)
	go func() { ended <- server.ListenAndServe() }()
	if tls != "" {
		go func() { ended <- http.ListenAndServeTLS(":8443", tls+"/tls.crt", tls+"/tls.key", b) }()
	}
	go func() { ended <- http.ListenAndServe(control, b.Control()) }()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-ended:
		return fmt.Errorf("cannot listen: %w", err)
	case <-signals:
	}
	if exit {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
