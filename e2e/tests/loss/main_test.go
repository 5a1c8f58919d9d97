package loss

import (
	"fmt"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// drainMaximum is the chart's default only in the long form: sessions live that long.
func drainMaximum() time.Duration {
	if cluster.Current().Long {
		return 60 * time.Second
	}
	return 25 * time.Second
}

func TestMain(m *testing.M) {
	// The processors' share for this load: the chart's default is for less.
	cluster.Main(m, "resources.requests.cpu=400m", fmt.Sprintf("drain.maxSeconds=%.0f", drainMaximum().Seconds()))
}
