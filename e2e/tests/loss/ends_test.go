package loss

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
	"tidegate.dev/e2e/load"
)

// end is when a pod's program ended, as seen from here: a little later than it was.
type end struct {
	pod  string
	time time.Time
}

func (e end) String() string { return e.pod + " at " + e.time.Format("15:04:05.000") }

// closing bounds how long the kernel takes to close the sockets of an ended program, one after the
// other and when it finds the time: until then the others still take bytes that nobody will read.
const closing = 100 * time.Millisecond

// ends notes them.
type ends struct {
	mu    sync.Mutex
	noted []end
	all   sync.WaitGroup
}

func (w *world) noteEnds(e *ends, pods ...string) {
	for _, pod := range pods {
		// Before this returns: the pod may be ended right after.
		ended, err := cluster.Hold(w.Context(), w.namespace, pod)
		if err != nil {
			w.Fatalf("watching pod %s: %v", pod, err)
		}
		e.all.Go(func() {
			if err := ended(); err != nil {
				w.Errorf("watching pod %s: %v", pod, err)
				return
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			e.noted = append(e.noted, end{pod, time.Now()})
		})
	}
}

// excused tells whether a failure is what the end of a pod cannot but cost: an answer that broke off
// after it had begun, or a request that may not be sent twice and was with that pod.
func (e *ends) excused(f load.Failure) bool {
	for _, end := range e.noted {
		underWay := f.Begun.Before(end.time.Add(closing)) && f.Begun.Add(f.Took).After(end.time.Add(-time.Second))
		if underWay && (f.What == load.Cut && f.Backend == end.pod || f.What != load.Cut && !f.Idempotent) {
			return true
		}
	}
	return false
}

// stopWithExcusedLoss is stop where what the end of pods costs may have failed.
func (w *world) stopWithExcusedLoss(e *ends) {
	w.Helper()
	report := w.stop()
	e.all.Wait()
	var lost []string
	for _, failure := range report.Failures {
		if !e.excused(failure) {
			lost = append(lost, failure.String())
		}
	}
	w.Attr("result", fmt.Sprintf("%s; %d beyond what was under way at the pods that ended", report.Line(), len(lost)))
	if len(lost) > 0 {
		w.Errorf("lost:\n%s\npods ended: %v\n%s", strings.Join(lost, "\n"), e.noted, report)
	}
}

func TestRollingRestartOfABackendThatEndsAtOnce(t *testing.T) {
	w := newWorld(t, "ends", cluster.Backends{Replicas: 2, Exit: true})
	var e ends
	w.noteEnds(&e, cluster.Pods(t, w.namespace, "app=shop")...)
	w.start()
	w.restart("shop")
	w.stopWithExcusedLoss(&e)
}

func TestKilledPod(t *testing.T) {
	w := newWorld(t, "killed", cluster.Backends{Replicas: 2})
	pods := cluster.Pods(t, w.namespace, "app=shop")
	w.start()
	var e ends
	for number := range times(1, 4) {
		pod := pods[number%len(pods)]
		w.noteEnds(&e, pod)
		cluster.Kill(t, w.namespace, pod)
		e.all.Wait()
		time.Sleep(after())
		cluster.Ready(t, w.namespace, "shop")
	}
	w.stopWithExcusedLoss(&e)
}
