// Package loss tests that nothing is lost while something is disturbed.
package loss

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/certificate"
	"tidegate.dev/e2e/cluster"
	"tidegate.dev/e2e/load"
)

const host = "shop.example.com"

// world is a Gateway under load: HTTP and HTTPS, every kind of client, and two backends. `shop` has
// all requests; the sessions of WebSockets are with `steady`, whose pod nobody disturbs.
type world struct {
	*testing.T
	namespace string
	authority *certificate.Authority
	targets   []load.Target
	load      *load.Load
}

// newWorld makes it for a test that takes its name.
func newWorld(t *testing.T, name string, shop cluster.Backends) *world {
	t.Helper()
	w := &world{T: t, namespace: cluster.Namespace(t, "loss-"+name)}
	var err error
	if w.authority, err = certificate.NewAuthority(); err != nil {
		t.Fatal(err)
	}
	shop.Name = "shop"
	cluster.Apply(t, w.namespace, shop.Manifest(), cluster.Backends{Name: "steady", Replicas: 1}.Manifest(), w.secret(),
		cluster.Gateway("web", cluster.HTTP, "{name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: shop}]}}"),
		route(cluster.Ref("shop", 1)))
	cluster.Ready(t, w.namespace, "shop")
	cluster.Ready(t, w.namespace, "steady")
	for _, address := range cluster.Addresses(t, w.namespace, "web") {
		w.targets = append(w.targets,
			load.Target{Address: net.JoinHostPort(address, "80"), Host: host},
			load.Target{Address: net.JoinHostPort(address, "443"), Host: host, TLS: w.authority.Trust(host)})
		cluster.Eventually(t, 10*time.Second, func() error { return answersAlways(address) })
	}
	return w
}

// answersAlways is nil if every replica knows the pods of both backends: each connection goes to any of
// them, and one may know a pod later than another, or than its Deployment does.
func answersAlways(address string) error {
	for range 10 {
		for path, backend := range map[string]string{"": "shop-", "socket": "steady-"} {
			if err := cluster.Answers(cluster.Request{Address: address, Host: host, Path: path}, backend); err != nil {
				return err
			}
		}
	}
	return nil
}

// secret is the certificate of the HTTPS listener, made anew.
func (w *world) secret() string {
	pair, err := w.authority.Issue(host)
	if err != nil {
		w.Fatal(err)
	}
	return pair.Secret("shop")
}

// route is the HTTPRoute under load.
func route(backends ...string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  hostnames: [%s]
  rules:
  - matches: [{path: {value: /socket}}]
    backendRefs: [{name: steady, port: 80}]
  - backendRefs: [%s]`, host, strings.Join(backends, ", "))
}

// start begins the load.
func (w *world) start() {
	w.Helper()
	w.load = load.Start(load.Full().Times(cluster.Current().Load), w.targets...)
	// Also when the test ends before its time.
	w.Cleanup(func() { w.load.Stop() })
	if err := w.load.WaitUntilWarm(); err != nil {
		w.Fatal(err)
	}
}

// after is how long the load goes on when a disturbance is over.
func after() time.Duration {
	if cluster.Current().Long {
		return 20 * time.Second
	}
	return 2 * time.Second
}

// stop ends the load, and says in the test's line what came of it.
func (w *world) stop() *load.Report {
	w.Helper()
	time.Sleep(after())
	report := w.load.Stop()
	w.Attr("result", report.Line())
	// As many as the node was ever seen to lose by itself. A Service that goes for a moment loses dozens.
	if len(report.Untranslated) > 1 {
		w.Errorf("the node led %d connections nowhere: %s\n%v", len(report.Untranslated), report, report.Untranslated)
	}
	// Far below what is asked for, so that a busy machine fails no test, and still a load.
	if report.Rate() < 100*cluster.Current().Load {
		w.Errorf("that was no load: %s", report)
	}
	return report
}

// stopWithoutLoss is stop where nothing may have failed.
func (w *world) stopWithoutLoss() {
	w.Helper()
	if report := w.stop(); len(report.Failures) > 0 {
		w.Error(report)
	}
}
