package cluster

import (
	"fmt"
	"strings"
)

// HTTP is a Gateway's only listener, if it has no other.
const HTTP = "{name: http, protocol: HTTP, port: 80}"

// Gateway is one of the usual class, with these listeners.
func Gateway(name string, listeners ...string) string {
	return GatewayOf("tidegate", name, listeners...)
}

// GatewayOf is one of any class.
func GatewayOf(class, name string, listeners ...string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: %s}
spec:
  gatewayClassName: %s
  listeners: [%s]`, name, class, strings.Join(listeners, ", "))
}

// Route is an HTTPRoute with one rule for all paths of a host.
func Route(name, gateway, host string, backends ...string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %s}
spec:
  parentRefs: [{name: %s}]
  hostnames: [%s]
  rules: [{backendRefs: [%s]}]`, name, gateway, host, strings.Join(backends, ", "))
}

// Ref is a backendRef to a Service of Backends.
func Ref(service string, weight int) string {
	return fmt.Sprintf("{name: %s, port: 80, weight: %d}", service, weight)
}

// Backends is a Deployment of the test's own backend, with its Service.
type Backends struct {
	Name     string
	Replicas int
	// PreStop is how many seconds a pod goes on after it is known to leave; Grace is how many it has
	// in all.
	PreStop, Grace int
	// Exit ends it at SIGTERM at once, whatever is under way.
	Exit bool
	// Recreate ends the last pod before the next one begins.
	Recreate bool
	// TLS is a Secret with a certificate: the Service's port 443 is for HTTPS then.
	TLS string
}

// Manifest is its YAML.
func (b Backends) Manifest() string {
	strategy, hook, arguments := "{type: RollingUpdate}", "", []string{}
	mounts, volumes, ports := "[]", "[]", ""
	if b.Recreate {
		strategy = "{type: Recreate}"
	}
	if b.PreStop > 0 {
		hook = fmt.Sprintf("lifecycle: {preStop: {sleep: {seconds: %d}}}", b.PreStop)
	}
	if b.Exit {
		arguments = append(arguments, "--exit-at-sigterm")
	}
	if b.TLS != "" {
		arguments = append(arguments, "--tls=/tls")
		mounts = "[{name: tls, mountPath: /tls, readOnly: true}]"
		volumes = fmt.Sprintf("[{name: tls, secret: {secretName: %s}}]", b.TLS)
		ports = ", {name: https, port: 443, targetPort: 8443, appProtocol: https}"
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  strategy: %[3]s
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: %[4]d
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: backend
        image: %[5]s
        args: [%[6]s]
        env: [{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{name: http, containerPort: 8080}, {name: control, containerPort: 8081}]
        readinessProbe: {httpGet: {path: /readyz, port: control}, periodSeconds: 1, failureThreshold: 3, timeoutSeconds: 3}
        # Without it a busy node has no time for it at all.
        resources: {requests: {cpu: 100m}}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts: %[8]s
        %[7]s
      volumes: %[9]s
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: 80, targetPort: http}%[10]s]`,
		b.Name, b.Replicas, strategy, max(b.Grace, 30), Current().Backend, strings.Join(arguments, ", "), hook,
		mounts, volumes, ports)
}
