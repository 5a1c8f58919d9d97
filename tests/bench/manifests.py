"""Tidegate's part: 1,000 routes on 200 hosts, as a directory of YAML."""

import base64

HOSTS = 200
ROUTES_PER_HOST = 5

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: bench}}
spec:
  gatewayClassName: tidegate
  addresses: [{{type: IPAddress, value: {host}}}]
  listeners:
  - {{name: http, protocol: HTTP, port: 8080}}
  - {{name: http2, protocol: HTTP, port: 8082}}
  - name: https
    protocol: HTTPS
    port: 8443
    tls: {{certificateRefs: [{{name: bench}}]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: bench}}
type: kubernetes.io/tls
data:
  tls.crt: {certificate}
  tls.key: {key}
---
apiVersion: v1
kind: Service
metadata: {{name: backend}}
spec:
  ports: [{{name: http, port: 80, targetPort: {port}}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: backend-1
  labels: {{kubernetes.io/service-name: backend}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [{address}], conditions: {{ready: true}}}}]
"""

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: host{host}-svc{route}}}
spec:
  parentRefs: [{{name: bench}}]
  hostnames: [host{host}.example.com]
  rules:
  - matches: [{{path: {{type: PathPrefix, value: /svc{route}}}}}]
    backendRefs: [{{name: backend, port: 80}}]
"""


def write(directory, host, backend, certificate, key):
    address, port = backend.split(":")

    def encode(text):
        return base64.b64encode(text.encode()).decode()

    gateway = GATEWAY.format(host=host, address=address, port=port, certificate=encode(certificate), key=encode(key))
    (directory / "gateway.yaml").write_text(gateway)
    for number in range(HOSTS):
        routes = (ROUTE.format(host=number, route=route) for route in range(ROUTES_PER_HOST))
        (directory / f"host{number}.yaml").write_text("---\n".join(routes))
