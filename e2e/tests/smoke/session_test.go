package smoke

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// A client with a cookie meets one pod, whichever replica it asks, until that pod ends.
func TestSession(t *testing.T) {
	namespace := cluster.Namespace(t, "smoke-session")
	route := strings.Replace(cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "{backendRefs:",
		"{sessionPersistence: {absoluteTimeout: 1h, cookie: {name: shop-session}}, backendRefs:", 1)
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP), cluster.Backends{Name: "shop", Replicas: 3}.Manifest(), route)
	cluster.Ready(t, namespace, "shop")
	address := cluster.Addresses(t, namespace, "web")[0]
	cluster.Eventually(t, 10*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: address, Host: host}, "shop-")
	})
	// New clients come to different pods; each stays at its own.
	first, cookie := begin(t, address, "")
	cluster.Eventually(t, 10*time.Second, func() error {
		if other, _ := begin(t, address, ""); other == first {
			return fmt.Errorf("all clients come to %s", other)
		}
		return nil
	})
	for range 50 {
		if met, set := begin(t, address, cookie); met != first || set != "" {
			t.Fatalf("from %s to %s, told %q", first, met, set)
		}
	}
	cluster.Kubectl(t, "delete", "pod", "--namespace", namespace, "--wait=false", first)
	cluster.Eventually(t, 20*time.Second, func() error {
		if met, set := begin(t, address, cookie); met == first || !strings.HasPrefix(set, "shop-session=") {
			return fmt.Errorf("still at %s, told %q", met, set)
		}
		return nil
	})
}

// begin asks with a cookie, or without one; it returns who answered, and the pair of a new cookie.
func begin(t *testing.T, address, cookie string) (pod, set string) {
	t.Helper()
	request := cluster.Request{Address: address, Host: host, Header: http.Header{}}
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	answer, err := cluster.Ask(request)
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%+v, %v", answer, err)
	}
	set, _, _ = strings.Cut(answer.Header.Get("Set-Cookie"), ";")
	return answer.Backend, set
}
