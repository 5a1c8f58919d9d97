// Package status tests what is written into objects, by the API server's audit log.
package status

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// shop is a Gateway with a backend.
func shop(t *testing.T, name string) string {
	t.Helper()
	namespace := cluster.Namespace(t, "status-"+name)
	cluster.Apply(t, namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(), cluster.Gateway("web", cluster.HTTP))
	cluster.Ready(t, namespace, "shop")
	cluster.Addresses(t, namespace, "web")
	return namespace
}

// settled returns once the namespaces of other tests are gone and nothing was written for some
// seconds, with where the audit log ends then.
func settled(t *testing.T) cluster.Mark {
	t.Helper()
	cluster.Eventually(t, 2*time.Minute, func() error {
		phases := cluster.Run(t, "", "kubectl", "get", "namespaces", "--output", "jsonpath={.items[*].status.phase}")
		if strings.Contains(phases, "Terminating") {
			return fmt.Errorf("namespaces are still %s", phases)
		}
		return nil
	})
	deadline := time.Now().Add(time.Minute)
	for {
		mark := cluster.Now(t)
		time.Sleep(3 * time.Second)
		changes := cluster.Usual.Changed(t, mark)
		if len(changes) == 0 {
			return cluster.Now(t)
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is no rest: %v", changes)
		}
	}
}

// count counts by what was written.
func count(changes []cluster.Asked, match string) int {
	return len(slices.DeleteFunc(slices.Clone(changes), func(a cluster.Asked) bool { return !strings.HasPrefix(a.String(), match) }))
}

// Each route is written once when it is made, and once when it is changed.
func TestOneWriteForEachChange(t *testing.T) {
	namespace := shop(t, "writes")
	const routes = 20
	mark := settled(t)
	for number := range routes {
		route := cluster.Route(fmt.Sprintf("route-%d", number), "web", fmt.Sprintf("host%d.example.com", number), cluster.Ref("shop", 1))
		cluster.Call(t, http.MethodPost, cluster.RoutePath(namespace, ""), "application/yaml", route, nil)
	}
	seen(t, namespace, routes, 1)
	next := settled(t)
	changes := cluster.Usual.Changed(t, mark)
	once(t, changes, namespace, routes)
	// The number of routes on the listener: at most as often as it changed.
	if got := count(changes, "update gateways/status "+namespace+"/web"); got < 1 || got > routes {
		t.Errorf("%d writes of the Gateway for %d routes", got, routes)
	}
	if others := len(changes) - routes - count(changes, "update gateways/status "+namespace+"/web"); others != 0 {
		t.Errorf("%d other writes: %v", others, changes)
	}
	for number := range routes {
		cluster.Merge(t, cluster.RoutePath(namespace, fmt.Sprintf("route-%d", number)), fmt.Sprintf(`{"spec": {"hostnames": ["other%d.example.com"]}}`, number))
	}
	seen(t, namespace, routes, 2)
	settled(t)
	changes = cluster.Usual.Changed(t, next)
	once(t, changes, namespace, routes)
	if len(changes) != routes {
		t.Errorf("%d writes for %d edits: %v", len(changes), routes, changes)
	}
	t.Attr("result", fmt.Sprintf("%d routes: 1 write for each when made, 1 when changed", routes))
}

// once checks that each route's status was written once.
func once(t *testing.T, changes []cluster.Asked, namespace string, routes int) {
	t.Helper()
	for number := range routes {
		name := fmt.Sprintf("%s/route-%d", namespace, number)
		exact := 0
		for _, asked := range changes {
			if asked.Resource() == "httproutes/status" && asked.Object.Namespace+"/"+asked.Object.Name == name {
				exact++
			}
		}
		if exact != 1 {
			t.Errorf("%d writes of %s", exact, name)
		}
	}
}

// seen waits until all routes have a status of that generation.
func seen(t *testing.T, namespace string, routes int, generation int64) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		var list struct {
			Items []struct {
				Metadata struct{ Name string }
				Status   struct {
					Parents []struct{ Conditions []cluster.ConditionOf }
				}
			}
		}
		cluster.Call(t, http.MethodGet, cluster.RoutePath(namespace, ""), "", "", &list)
		done := 0
		for _, item := range list.Items {
			if len(item.Status.Parents) == 1 && len(item.Status.Parents[0].Conditions) > 0 && item.Status.Parents[0].Conditions[0].ObservedGeneration == generation {
				done++
			}
		}
		if done != routes {
			return fmt.Errorf("%d of %d have a status of generation %d", done, routes, generation)
		}
		return nil
	})
}

// A restart where nothing changed writes nothing.
func TestNothingIsWrittenOnARestart(t *testing.T) {
	namespace := shop(t, "restart")
	cluster.Apply(t, namespace, cluster.Route("shop", "web", "shop.example.com", cluster.Ref("shop", 1)),
		cluster.Route("bad", "web", "bad.example.com", cluster.Ref("nobody", 1)))
	cluster.Eventually(t, 10*time.Second, func() error {
		if refs := cluster.Condition(t, namespace, "httproute/bad", "ResolvedRefs"); refs.Reason != "BackendNotFound" {
			return fmt.Errorf("%+v", refs)
		}
		return nil
	})
	mark := settled(t)
	old := cluster.Usual.Pods(t)
	cluster.Usual.Restart(t)
	cluster.Usual.Replaced(t, old)
	cluster.Eventually(t, 30*time.Second, func() error {
		if leader := cluster.Usual.Leader(t); !slices.Contains(cluster.Usual.Pods(t), leader) {
			return fmt.Errorf("%q leads", leader)
		}
		return nil
	})
	settled(t)
	if changes := cluster.Usual.Changed(t, mark); len(changes) > 0 {
		t.Errorf("written: %v", changes)
	}
}
