package status

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// What another controller wrote stays byte for byte, also while it writes at the same time.
func TestForeignEntriesStay(t *testing.T) {
	namespace := shop(t, "foreign")
	cluster.Apply(t, namespace, cluster.Route("shop", "web", "shop.example.com", cluster.Ref("shop", 1)))
	path := cluster.RoutePath(namespace, "shop")
	seen(t, namespace, 1, 1)
	const entry = `{"conditions":[{"lastTransitionTime":"2020-02-02T02:02:02Z","message":"number %d","observedGeneration":1,"reason":"Foreign","status":"True","type":"example.com/Seen"}],"controllerName":"example.com/other","parentRef":{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"elsewhere"}}`
	const rounds = 60
	conflicts := 0
	for number := range rounds {
		// Tidegate has a reason to write in every round.
		cluster.Merge(t, path, fmt.Sprintf(`{"spec": {"hostnames": ["host%d.example.com"]}}`, number))
		want := fmt.Sprintf(entry, number)
		for !writeForeign(t, path, want) {
			conflicts++
		}
		if got := foreign(t, path); got != want {
			t.Fatalf("round %d: the foreign entry is\n%s\nand was\n%s", number, got, want)
		}
	}
	cluster.Eventually(t, 10*time.Second, func() error {
		if got := cluster.Condition(t, namespace, "httproute/shop", "Accepted"); got.ObservedGeneration != rounds+1 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	if got, want := foreign(t, path), fmt.Sprintf(entry, rounds-1); got != want {
		t.Errorf("at the end the foreign entry is\n%s\nand was\n%s", got, want)
	}
	t.Attr("result", fmt.Sprintf("%d rounds, %d conflicts", rounds, conflicts))
}

type route struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       map[string]any `json:"spec"`
	Status     struct {
		Parents []json.RawMessage `json:"parents"`
	} `json:"status"`
}

const otherController = `"controllerName":"example.com/other"`

// writeForeign puts the entry there as a controller does: with the version that it read. It is
// false if another write came between.
func writeForeign(t *testing.T, path, entry string) bool {
	t.Helper()
	var r route
	cluster.Call(t, http.MethodGet, path, "", "", &r)
	kept := []json.RawMessage{json.RawMessage(entry)}
	for _, parent := range r.Status.Parents {
		if !strings.Contains(string(parent), otherController) {
			kept = append(kept, parent)
		}
	}
	r.Status.Parents = kept
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := cluster.Open(context.Background(), http.MethodPut, path+"/status", "application/json", body)
	if err != nil {
		if strings.Contains(err.Error(), "409") {
			return false
		}
		t.Fatal(err)
	}
	answer.Close()
	return true
}

// foreign is the entry of the other controller, as it is stored.
func foreign(t *testing.T, path string) string {
	t.Helper()
	var r route
	cluster.Call(t, http.MethodGet, path, "", "", &r)
	for _, parent := range r.Status.Parents {
		if strings.Contains(string(parent), otherController) {
			return string(parent)
		}
	}
	return ""
}
