package backend

import (
	"encoding/hex"
	"io"
	"net/http"
)

// Where collectors of spans are asked by OTLP.
const (
	overHTTP = "/v1/traces"
	overGRPC = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
)

// collect takes spans, and notes which they are.
func (b *Backend) collect(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.URL.Path == overGRPC {
		body = body[min(prefix, len(body)):]
		defer reply(w)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, resource := range fields(body, 1) {
		for _, scope := range fields(resource, 2) {
			for _, span := range fields(scope, 2) {
				b.spans = append(b.spans, hex.EncodeToString(field(span, 1))+"-"+hex.EncodeToString(field(span, 2)))
			}
		}
	}
}
