//go:build tools

package conformance

// The backends of the suite. The suite pins v0.2.0 of them, which the module proxy does not have:
// the `replace` in go.mod can go when it does.
import _ "sigs.k8s.io/gateway-api-conformance-images/echo-basic"
