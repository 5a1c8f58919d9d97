package smoke

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/backend"
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

// Spans of a request reach the collector in the trace of the client, by both protocols, and the backend
// is told of them.
func TestTracing(t *testing.T) {
	const client = "00f067aa0ba902b7"
	namespace, addresses := shop(t, "tracing", cluster.Gateway("web", cluster.HTTP),
		cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop", "collector")
	cluster.Apply(t, namespace, otlp)
	pod := cluster.Pods(t, namespace, "app=collector")[0]
	// ask returns the span that the backend is told.
	ask := func(trace string) (string, error) {
		header := http.Header{"Traceparent": {"00-" + trace + "-" + client + "-01"}}
		answer, err := cluster.Ask(cluster.Request{Address: addresses[0], Host: host, Path: "?header=Traceparent", Header: header})
		told := strings.Split(answer.Header.Get(backend.Seen), "-")
		if err == nil && (len(told) != 4 || told[0] != "00" || told[1] != trace || told[3] != "01") {
			err = fmt.Errorf("the backend is told %q", told)
		}
		if err != nil {
			return "", err
		}
		return told[2], nil
	}
	cluster.Eventually(t, 10*time.Second, everywhere(func() error {
		span, err := ask(strings.Repeat("f", 32))
		if err == nil && span != client {
			err = fmt.Errorf("without a policy the backend is told of the span %s", span)
		}
		return err
	}))
	for place, provider := range []string{"name: collector, port: 80", "name: otlp, port: 4317"} {
		cluster.Apply(t, namespace, tracing(provider))
		expectPolicy(t, namespace, "xtelemetrypolicy/traces", "ResolvedRefs", "True ResolvedRefs")
		trace := fmt.Sprintf("%032x", place+1)
		var told []string
		marked := func() error {
			span, err := ask(trace)
			if err == nil && span == client {
				err = fmt.Errorf("by %s the backend is told of the client's span", provider)
			}
			told = append(told, trace+"-"+span)
			return err
		}
		cluster.Eventually(t, 10*time.Second, everywhere(marked))
		cluster.Eventually(t, 20*time.Second, func() error {
			if err := marked(); err != nil {
				return err
			}
			spans := cluster.Stats(t, namespace, pod).Spans
			if !slices.ContainsFunc(told, func(span string) bool { return slices.Contains(spans, span) }) {
				return fmt.Errorf("by %s none of %v came, but %v", provider, told, spans)
			}
			return nil
		})
	}
	cluster.Kubectl(t, "delete", "--namespace", namespace, "service/otlp")
	expectPolicy(t, namespace, "xtelemetrypolicy/traces", "ResolvedRefs", "False BackendNotFound")
}
