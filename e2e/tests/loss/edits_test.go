package loss

import (
	"crypto/tls"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

func TestWeightEdits(t *testing.T) {
	w := newWorld(t, "weights", cluster.Backends{Replicas: 2})
	cluster.Apply(t, w.namespace, cluster.Backends{Name: "canary", Replicas: 1}.Manifest())
	cluster.Ready(t, w.namespace, "canary")
	w.start()
	for number := range times(100, 500) {
		canary := number*37%100 + 1
		patch := fmt.Sprintf(`[{"op": "replace", "path": "/spec/rules/1/backendRefs", "value": [
			{"name": "shop", "port": 80, "weight": %d}, {"name": "canary", "port": 80, "weight": %d}]}]`, 100-canary, canary)
		cluster.Call(t, http.MethodPatch, cluster.RoutePath(w.namespace, "shop"), "application/json-patch+json", patch, nil)
		time.Sleep(50 * time.Millisecond)
	}
	report := w.stop()
	canaries := 0
	for name, count := range report.Backends {
		if strings.HasPrefix(name, "canary-") {
			canaries += count
		}
	}
	if len(report.Failures) > 0 || canaries == 0 {
		t.Error(report)
	}
}

func TestOtherRoutes(t *testing.T) {
	w := newWorld(t, "routes", cluster.Backends{Replicas: 2})
	address := cluster.Addresses(t, w.namespace, "web")[0]
	other := func(number int) string { return fmt.Sprintf("host%d.example.com", number) }
	w.start()
	for range times(1, 3) {
		for number := range 200 {
			route := cluster.Route(fmt.Sprintf("other-%d", number), "web", other(number%50), cluster.Ref("shop", 1))
			route = strings.Replace(route, "metadata: {", `metadata: {labels: {other: "yes"}, `, 1)
			cluster.Call(t, http.MethodPost, cluster.RoutePath(w.namespace, ""), "application/yaml", route, nil)
		}
		for number := range 50 {
			cluster.Eventually(t, 10*time.Second, func() error {
				return cluster.Answers(cluster.Request{Address: address, Host: other(number)}, "shop-")
			})
		}
		cluster.Call(t, http.MethodDelete, cluster.RoutePath(w.namespace, "")+"?labelSelector=other%3Dyes", "", "", nil)
		cluster.Eventually(t, 10*time.Second, func() error {
			answer, err := cluster.Ask(cluster.Request{Address: address, Host: other(7)})
			if err == nil && answer.Status != http.StatusNotFound {
				err = fmt.Errorf("still %d", answer.Status)
			}
			return err
		})
	}
	w.stopWithoutLoss()
}

func TestRotatedCertificate(t *testing.T) {
	w := newWorld(t, "certificate", cluster.Backends{Replicas: 2})
	address := cluster.Addresses(t, w.namespace, "web")[0]
	w.start()
	for range times(10, 50) {
		pair, err := w.authority.Issue(host)
		if err != nil {
			t.Fatal(err)
		}
		cluster.Apply(t, w.namespace, pair.Secret("shop"))
		cluster.Eventually(t, 5*time.Second, func() error { return w.shows(address, pair.Serial) })
	}
	w.stopWithoutLoss()
}

// shows is nil if a new connection gets the certificate of that number.
func (w *world) shows(address string, serial *big.Int) error {
	connection, err := tls.Dial("tcp", address+":443", w.authority.Trust(host))
	if err != nil {
		return err
	}
	defer connection.Close()
	if got := connection.ConnectionState().PeerCertificates[0].SerialNumber; got.Cmp(serial) != 0 {
		return fmt.Errorf("the certificate is still number %v", got)
	}
	return nil
}
