package backend

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"time"
)

// Stats is what a backend has seen.
type Stats struct {
	Name     string    `json:"name"`
	Requests int64     `json:"requests"`
	Last     time.Time `json:"last"`
	// Spans has each that came, as trace-span in hex.
	Spans []string `json:"spans"`
}

// Control is for the kubelet and for tests: /readyz, POST /ready/true or /ready/false, which decides
// what /readyz answers, /stats, /hold, whose answer ends with the process, and POST /die.
func (b *Backend) Control() http.Handler {
	control := http.NewServeMux()
	control.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if b.notReady.Load() {
			http.Error(w, "told not to be", http.StatusServiceUnavailable)
		}
	})
	control.HandleFunc("POST /ready/{value}", func(_ http.ResponseWriter, r *http.Request) {
		b.notReady.Store(r.PathValue("value") != "true")
	})
	control.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		stats := Stats{Name: b.name, Requests: b.requests.Load()}
		if last := b.last.Load(); last != 0 {
			stats.Last = time.Unix(0, last)
		}
		b.mutex.Lock()
		stats.Spans = slices.Clone(b.spans)
		b.mutex.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(stats)
	})
	control.HandleFunc("GET /hold", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	// To the other ends of its sockets this is what SIGKILL is, which the first process of a
	// container cannot send to itself.
	control.HandleFunc("POST /die", func(http.ResponseWriter, *http.Request) { os.Exit(137) })
	return control
}
