package smoke

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// A port of the collector whose number says what is spoken.
const otlp = `apiVersion: v1
kind: Service
metadata: {name: otlp}
spec:
  selector: {app: collector}
  ports: [{port: 4317, targetPort: http}]`

// tracing is a policy for the Gateway web.
func tracing(backend string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XTelemetryPolicy
metadata: {name: traces}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: web}]
  tracing: {mode: Enabled, provider: {backendRef: {%s}}}`, backend)
}

// Spans of a request reach the collector in the trace of the client, by both protocols.
func TestTracing(t *testing.T) {
	namespace, addresses := shop(t, "tracing", cluster.Gateway("web", cluster.HTTP),
		cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop", "collector")
	cluster.Apply(t, namespace, otlp)
	pod := cluster.Pods(t, namespace, "app=collector")[0]
	for place, provider := range []string{"name: collector, port: 80", "name: otlp, port: 4317"} {
		cluster.Apply(t, namespace, tracing(provider))
		expectPolicy(t, namespace, "xtelemetrypolicy/traces", "ResolvedRefs", "True ResolvedRefs")
		trace := fmt.Sprintf("%032x", place+1)
		cluster.Eventually(t, 20*time.Second, func() error {
			header := http.Header{"Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}}
			if _, err := cluster.Ask(cluster.Request{Address: addresses[0], Host: host, Header: header}); err != nil {
				return err
			}
			if traces := cluster.Stats(t, namespace, pod).Traces; !slices.Contains(traces, trace) {
				return fmt.Errorf("by %s no span of %s came, but those of %v", provider, trace, traces)
			}
			return nil
		})
	}
	cluster.Kubectl(t, "delete", "--namespace", namespace, "service/otlp")
	expectPolicy(t, namespace, "xtelemetrypolicy/traces", "ResolvedRefs", "False BackendNotFound")
}
