package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"tidegate.dev/e2e/backend"
)

// Request is one request on a connection of its own.
type Request struct {
	// Address is an IP address or a name, Port defaults to 80, or 443 with TLS.
	Address string
	Port    int
	Host    string
	Path    string
	Header  http.Header
	TLS     *tls.Config
}

// Answer is what came.
type Answer struct {
	Status int
	// Backend is who made it; empty if it was the Gateway.
	Backend string
	Header  http.Header
	Body    string
}

// Ask sends it.
func Ask(r Request) (Answer, error) {
	scheme, port := "http", 80
	if r.TLS != nil {
		scheme, port = "https", 443
	}
	if r.Port != 0 {
		port = r.Port
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   r.TLS,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(r.Address, fmt.Sprint(port)))
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+r.Host+"/"+r.Path, nil)
	if err != nil {
		return Answer{}, err
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header.Get(backend.Name), response.Header, string(body)}, err
}

// Answers is nil if the answer is that of a backend whose name begins like that.
func Answers(r Request, backend string) error {
	answer, err := Ask(r)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK || len(answer.Backend) < len(backend) || answer.Backend[:len(backend)] != backend {
		return fmt.Errorf("%d from %q: %s", answer.Status, answer.Backend, answer.Body)
	}
	return nil
}
