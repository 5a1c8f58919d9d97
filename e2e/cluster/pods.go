package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"tidegate.dev/e2e/backend"
)

// Pods lists the names of those that are not leaving.
func Pods(t *testing.T, namespace, selector string) []string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp *string
			}
		}
	}
	Get(t, &list, "pods", "--namespace", namespace, "--selector", selector)
	var names []string
	for _, pod := range list.Items {
		if pod.Metadata.DeletionTimestamp == nil {
			names = append(names, pod.Metadata.Name)
		}
	}
	return names
}

// Gone returns when none of these pods is there any more.
func Gone(t *testing.T, namespace string, pods ...string) {
	t.Helper()
	if len(pods) == 0 {
		t.Fatal("no pods to wait for")
	}
	arguments := []string{"wait", "--namespace", namespace, "--for=delete", "--timeout=180s"}
	for _, pod := range pods {
		arguments = append(arguments, "pod/"+pod)
	}
	Kubectl(t, arguments...)
}

func control(namespace, pod, path string) string {
	return fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8081/proxy/%s", namespace, pod, path)
}

// Stats asks a pod of Backends what it has seen.
func Stats(t *testing.T, namespace, pod string) backend.Stats {
	t.Helper()
	var stats backend.Stats
	Call(t, http.MethodGet, control(namespace, pod, "stats"), "", "", &stats)
	return stats
}

// SetReady tells a pod of Backends what its readiness probe is to find.
func SetReady(t *testing.T, namespace, pod string, ready bool) {
	t.Helper()
	Call(t, http.MethodPost, control(namespace, pod, fmt.Sprintf("ready/%v", ready)), "", "", nil)
}

// Kill ends a pod's program as SIGKILL would.
func Kill(t *testing.T, namespace, pod string) {
	t.Helper()
	// There is no answer any more.
	answer, err := Open(context.Background(), http.MethodPost, control(namespace, pod, "die"), "", nil)
	if err == nil {
		answer.Close()
		t.Fatalf("pod %s lives on", pod)
	}
}

// Hold begins to watch a pod's program; what it returns waits until that ends.
func Hold(ctx context.Context, namespace, pod string) (ended func() error, err error) {
	body, err := Open(ctx, http.MethodGet, control(namespace, pod, "hold"), "", nil)
	if err != nil {
		return nil, err
	}
	return func() error {
		defer body.Close()
		// It ends by an error, or without: that is a matter of the proxies on the way.
		_, _ = io.Copy(io.Discard, body)
		return ctx.Err()
	}, nil
}
