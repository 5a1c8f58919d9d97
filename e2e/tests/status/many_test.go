package status

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// many is a burst of routes on one Gateway.
const many = 1000

// soon is when a Gateway has to count rightly after the last of them.
const soon = 2 * time.Second

// writers is how many routes are made at once.
const writers = 8

// A burst of routes costs one write for each, and few of the Gateway that counts them.
func TestManyRoutes(t *testing.T) {
	namespace := shop(t, "many")
	mark := settled(t)
	create(t, namespace)
	after := attached(t, namespace, many)
	seen(t, namespace, many, 1)
	next := settled(t)
	changes := cluster.Usual.Changed(t, mark)
	once(t, changes, namespace, many)
	made := count(changes, "update gateways/status "+namespace+"/web")

	cluster.Call(t, http.MethodDelete, cluster.RoutePath(namespace, ""), "", "", nil)
	afterwards := attached(t, namespace, 0)
	settled(t)
	changes = cluster.Usual.Changed(t, next)
	deleted := count(changes, "update gateways/status "+namespace+"/web")
	if made >= 100 || deleted >= 100 {
		t.Errorf("%d and %d writes of the Gateway", made, deleted)
	}
	if after > soon || afterwards > soon {
		t.Errorf("right only %v after the last was made, and %v after the last went", after, afterwards)
	}
	// A route that goes may be written once more, by a writer that had begun.
	if others := len(changes) - deleted; others > 0 {
		t.Errorf("%d other writes when the routes went: %v", others, changes)
	}
	t.Attr("result", fmt.Sprintf("%d routes: counted %.1f s after the last was made, in %d writes of the Gateway; %.1f s after the last went, in %d",
		many, after.Seconds(), made, afterwards.Seconds(), deleted))
}

// create makes the routes, several at a time.
func create(t *testing.T, namespace string) {
	t.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	problems := make(chan error, writers)
	for range writers {
		group.Go(func() {
			for number := next.Add(1) - 1; number < many; number = next.Add(1) - 1 {
				route := cluster.Route(fmt.Sprintf("route-%d", number), "web", fmt.Sprintf("host%d.example.com", number), cluster.Ref("shop", 1))
				answer, err := cluster.Open(context.Background(), http.MethodPost, cluster.RoutePath(namespace, ""), "application/yaml", []byte(route))
				if err != nil {
					problems <- err
					return
				}
				answer.Close()
			}
		})
	}
	group.Wait()
	close(problems)
	for err := range problems {
		t.Fatal(err)
	}
}

// attached waits until the Gateway's only listener counts so many routes, and says for how long.
func attached(t *testing.T, namespace string, want int) time.Duration {
	t.Helper()
	begun := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		var gateway struct {
			Status struct {
				Listeners []struct{ AttachedRoutes int }
			}
		}
		cluster.Call(t, http.MethodGet, "/apis/gateway.networking.k8s.io/v1/namespaces/"+namespace+"/gateways/web", "", "", &gateway)
		if len(gateway.Status.Listeners) != 1 || gateway.Status.Listeners[0].AttachedRoutes != want {
			return fmt.Errorf("%+v, want %d routes", gateway.Status.Listeners, want)
		}
		return nil
	})
	return time.Since(begun)
}
