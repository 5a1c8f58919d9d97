package load

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// What went wrong with a request.
type What string

const (
	// Connect: no connection, or it was of no use from the start.
	Connect What = "connect"
	// Untranslated: the test bed's node led the connection nowhere (see bed/network.go), so nobody
	// under test ever saw it.
	Untranslated What = "untranslated"
	// NoAnswer: the connection broke after the request was begun and before an answer.
	NoAnswer What = "no answer"
	// Status: an answer that is not the backend's.
	Status What = "status"
	// Cut: the answer broke off in the middle, and the client could tell.
	Cut What = "cut"
	// Wrong: the answer looked complete and was not what the backend sent.
	Wrong What = "wrong"
	// Late: not done in time.
	Late What = "late"
)

// problem is what went wrong, with the words for it.
type problem struct {
	what   What
	detail string
}

func (p problem) Error() string { return string(p.what) + ": " + p.detail }

// Failure is a request that failed.
type Failure struct {
	Kind       Kind
	What       What
	Detail     string
	Request    string
	Idempotent bool
	// Backend made the beginning of an answer, if there was one.
	Backend string
	Begun   time.Time
	Took    time.Duration
}

func (f Failure) String() string {
	return fmt.Sprintf("%s, after %.3f s, %s: %s: %s: %s", f.Begun.Format("15:04:05.000"), f.Took.Seconds(), f.Kind, f.Request, f.What, f.Detail)
}

// Report is the sum of a load.
type Report struct {
	Elapsed time.Duration
	// Answers counts right answers by kind; of WebSockets each step of a session.
	Answers map[Kind]int
	// Backends counts right answers by the backend that made them.
	Backends map[string]int
	// Gets and Posts count right answers.
	Gets, Posts int
	// Reopened counts connections that the server had closed before the next request was begun.
	Reopened int
	// Slowest is the longest time of a right answer beyond the delay that was asked for.
	Slowest  time.Duration
	Failures []Failure
	// Untranslated are not among the failures.
	Untranslated []Failure
}

// Sent counts all that was asked.
func (r *Report) Sent() int {
	sent := len(r.Failures)
	for _, count := range r.Answers {
		sent += count
	}
	return sent
}

// Rate is in requests each second.
func (r *Report) Rate() float64 { return float64(r.Sent()) / r.Elapsed.Seconds() }

// Line is the report in one line.
func (r *Report) Line() string {
	line := fmt.Sprintf("sent %d, failed %d, slowest %.2f s (%.0f/s, %d connections reopened)", r.Sent(), len(r.Failures), r.Slowest.Seconds(), r.Rate(), r.Reopened)
	if count := len(r.Untranslated); count > 0 {
		line += fmt.Sprintf(", %d connections not translated by the node", count)
	}
	return line
}

func (r *Report) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n  %d GET, %d POST; by kind: %v\n  by backend: %v\n", r.Line(), r.Gets, r.Posts, r.Answers, r.Backends)
	failures := slices.SortedFunc(slices.Values(r.Failures), func(a, b Failure) int { return a.Begun.Compare(b.Begun) })
	summary := map[string]int{}
	for i, failure := range failures {
		if i < 20 {
			fmt.Fprintf(&text, "  %s\n", failure)
		}
		summary[fmt.Sprintf("%s %s", failure.Kind, failure.What)]++
	}
	for _, key := range slices.SortedFunc(maps.Keys(summary), func(a, b string) int { return cmp.Compare(summary[b], summary[a]) }) {
		fmt.Fprintf(&text, "  %5d × %s\n", summary[key], key)
	}
	return text.String()
}

// tally counts while the load runs.
type tally struct {
	mu     sync.Mutex
	report Report
}

func (t *tally) answered(kind Kind, j job, backend string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.report
	r.Answers[kind]++
	r.Backends[backend]++
	switch j.method {
	case "GET":
		r.Gets++
	case "POST":
		r.Posts++
	}
	r.Slowest = max(r.Slowest, took-j.ask.Delay)
}

func (t *tally) failed(f Failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.What == Untranslated {
		t.report.Untranslated = append(t.report.Untranslated, f)
		return
	}
	t.report.Failures = append(t.report.Failures, f)
}

func (t *tally) reopened() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Reopened++
}

func (t *tally) snapshot() *Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.report
	r.Answers, r.Backends, r.Failures = maps.Clone(r.Answers), maps.Clone(r.Backends), slices.Clone(r.Failures)
	r.Untranslated = slices.Clone(r.Untranslated)
	return &r
}
