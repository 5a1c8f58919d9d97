package bed

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// client speaks with the API server, from within the network namespace.
type client struct{ http *http.Client }

func (l Layout) newClient() (*client, error) {
	certificate, err := tls.LoadX509KeyPair(l.pki("admin.crt"), l.pki("admin.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: roots},
	}
	return &client{&http.Client{Transport: transport}}, nil
}

// open asks, and returns the body of a good answer. The caller closes it.
func (c *client) open(ctx context.Context, method, path, contentType string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+nodeIPv4+":6443"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		message, _ := io.ReadAll(io.LimitReader(response.Body, 1<<12))
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, message)
	}
	return response.Body, nil
}

// get reads JSON into a value, or only asks if that is nil.
func (c *client) get(ctx context.Context, path string, into any) error {
	body, err := c.open(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(body).Decode(into)
}

// patch merges JSON into an object.
func (c *client) patch(ctx context.Context, path string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	body, err := c.open(ctx, http.MethodPatch, path, "application/merge-patch+json", content)
	if err != nil {
		return err
	}
	return body.Close()
}
