package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Open asks the API server for a path, and returns the body of a good answer. The caller closes it.
func Open(ctx context.Context, method, path, contentType string, body []byte) (io.ReadCloser, error) {
	url, err := proxy()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
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

// Call asks and reads the whole answer; JSON is put into the value, if there is one.
func Call(t *testing.T, method, path, contentType, body string, into any) {
	t.Helper()
	answer, err := Open(context.Background(), method, path, contentType, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, answer)
	} else {
		err = json.NewDecoder(answer).Decode(into)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// Merge patches an object, quicker than kubectl starts.
func Merge(t *testing.T, path, patch string) {
	t.Helper()
	Call(t, http.MethodPatch, path, "application/merge-patch+json", patch, nil)
}

// RoutePath is the API's path of an HTTPRoute, or of all of them.
func RoutePath(namespace, name string) string {
	return strings.TrimSuffix(fmt.Sprintf("/apis/gateway.networking.k8s.io/v1/namespaces/%s/httproutes/%s", namespace, name), "/")
}

// Follow watches from now on, and calls with each event's object until that returns true or the
// context ends.
func Follow[T any](ctx context.Context, path string, until func(kind string, object T) bool) error {
	body, err := Open(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	events := json.NewDecoder(body)
	for {
		var event struct {
			Type   string
			Object T
		}
		if err := events.Decode(&event); err != nil {
			return fmt.Errorf("watching %s: %w", path, err)
		}
		if until(event.Type, event.Object) {
			return nil
		}
	}
}
