// Package conformance runs the official Gateway API suite. It is a module of its own, since the suite
// needs a newer Go than the rest, and pins more.
package conformance

import (
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

func TestConformance(t *testing.T) { conformance.RunConformance(t) }
