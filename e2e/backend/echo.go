package backend

import (
	"fmt"
	"net/http"

	"tidegate.dev/e2e/websocket"
)

// echo sends each message back until the client says goodbye or is gone.
func echo(w http.ResponseWriter, r *http.Request, name string) {
	connection, both, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	defer connection.Close()
	_, err = fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s: %s\r\n\r\n",
		websocket.Accept(r.Header.Get("Sec-WebSocket-Key")), Name, name)
	for err == nil {
		var kind byte
		var message []byte
		if kind, message, err = websocket.Read(both.Reader); err != nil {
			return
		}
		err = websocket.Write(connection, kind, message, false)
		if kind == websocket.Close {
			return
		}
	}
}
