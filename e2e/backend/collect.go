package backend

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
)

// Where collectors of spans are asked by OTLP.
const (
	overHTTP = "/v1/traces"
	overGRPC = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
)

// collect takes spans, and notes of which traces they are.
func (b *Backend) collect(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.URL.Path == overGRPC {
		// Before the message: whether it is compressed, and its length.
		body = body[min(5, len(body)):]
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		defer func() { _, _ = w.Write(make([]byte, 5)) }()
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, resource := range fields(body, 1) {
		for _, scope := range fields(resource, 2) {
			for _, span := range fields(scope, 2) {
				for _, id := range fields(span, 1) {
					b.traces = append(b.traces, hex.EncodeToString(id))
				}
			}
		}
	}
}

// fields has the fields of that number, of those that have a length, in a message of Protocol Buffers.
func fields(message []byte, number uint64) [][]byte {
	var found [][]byte
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return found
		}
		message = message[n:]
		switch key & 7 {
		case 0:
			_, n = binary.Uvarint(message)
		case 1:
			n = 8
		case 2:
			length, m := binary.Uvarint(message)
			if m <= 0 || length > uint64(len(message)-m) {
				return found
			}
			n = m + int(length)
			if key>>3 == number {
				found = append(found, message[m:n])
			}
		case 5:
			n = 4
		default:
			return found
		}
		if n <= 0 || n > len(message) {
			return found
		}
		message = message[n:]
	}
	return found
}
