package loss

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
	"tidegate.dev/e2e/load"
)

// stopWithCutSessions is stop where nothing may have failed but sessions that outlived the drain of
// the Tidegate that held them, which lasts that long at least.
func (w *world) stopWithCutSessions(begun time.Time) {
	w.Helper()
	report := w.stop()
	var lost []string
	cut := 0
	for _, failure := range report.Failures {
		if failure.Kind == load.LongWebSocket && strings.HasPrefix(failure.Request, "message") && failure.Begun.Add(failure.Took).Sub(begun) >= drainMaximum() {
			cut++
		} else {
			lost = append(lost, failure.String())
		}
	}
	w.Attr("result", fmt.Sprintf("%s, of these %d long sessions at the drain's end", report.Line(), cut))
	if len(lost) > 0 {
		w.Errorf("lost:\n%s\n%s", strings.Join(lost, "\n"), report)
	}
	if cut == 0 {
		w.Error("no session outlived the drain: that was no end of Tidegate")
	}
}

func TestRollingRestartOfTidegate(t *testing.T) {
	w := newWorld(t, "restart", cluster.Backends{Replicas: 2})
	old := cluster.Usual.Pods(t)
	w.start()
	begun := time.Now()
	cluster.Usual.Restart(t)
	cluster.Usual.Replaced(t, old)
	w.stopWithCutSessions(begun)
}

func TestUpgradeAndRollback(t *testing.T) {
	w := newWorld(t, "upgrade", cluster.Backends{Replicas: 2})
	old := cluster.Usual.Pods(t)
	w.start()
	begun := time.Now()
	cluster.Usual.Upgrade(t, cluster.Current().Next)
	cluster.Usual.Replaced(t, old)
	old = cluster.Usual.Pods(t)
	cluster.Usual.Rollback(t)
	cluster.Usual.Replaced(t, old)
	w.stopWithCutSessions(begun)
}

func TestLeaderThatLeaves(t *testing.T) {
	w := newWorld(t, "leader", cluster.Backends{Replicas: 2})
	leader := cluster.Usual.Leader(t)
	w.start()
	begun := time.Now()
	cluster.Kubectl(t, "delete", "pod", "--namespace", cluster.Usual.Namespace, leader, "--wait=false")
	cluster.Eventually(t, 10*time.Second, func() error {
		if now := cluster.Usual.Leader(t); now == leader || now == "" {
			return fmt.Errorf("%q leads", now)
		}
		return nil
	})
	cluster.Usual.Replaced(t, []string{leader})
	w.stopWithCutSessions(begun)
}
