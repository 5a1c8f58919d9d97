package cluster

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// Main is for the TestMain of packages whose tests need Gateway API's CRDs and the usual release,
// with these values.
func Main(m *testing.M, values ...string) {
	Usual.Values = values
	err := DefineGatewayAPI(context.Background())
	if err == nil {
		err = Usual.install(Current().Image)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
