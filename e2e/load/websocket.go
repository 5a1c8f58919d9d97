package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"tidegate.dev/e2e/backend"
	"tidegate.dev/e2e/content"
	"tidegate.dev/e2e/websocket"
)

// messages in a session, if it is not a long one.
const messages = 8

// webSocketClient has session after session.
type webSocketClient struct {
	load   *Load
	kind   Kind
	target Target
}

type session struct {
	*connection
	reader  *bufio.Reader
	backend string
}

func (c *webSocketClient) run(pace *pace) {
	for c.load.ctx.Err() == nil {
		c.session(pace)
	}
}

// session opens, sends messages that have to come back, and says goodbye.
func (c *webSocketClient) session(pace *pace) {
	step := func(s *session, name string, act func() error) bool {
		begun := time.Now()
		if s != nil {
			s.SetDeadline(begun.Add(patience))
		}
		err := act()
		from := ""
		if s != nil {
			from = s.backend
		}
		c.load.record(c.kind, job{method: name}, begun, from, "", err)
		return err == nil
	}
	if !c.load.pauseUntil(pace.next()) {
		return
	}
	var s *session
	if !step(nil, "open", func() (err error) { s, err = c.open(); return err }) {
		return
	}
	defer s.Close()
	for number := 0; c.load.pauseUntil(pace.next()) && (c.kind == LongWebSocket || number < messages); number++ {
		name := fmt.Sprintf("message %d", number)
		if !step(s, name, func() error { return s.echo(pace.random.Uint64()) }) {
			return
		}
	}
	step(s, "goodbye", s.goodbye)
}

func (c *webSocketClient) open() (*session, error) {
	deadline := time.Now().Add(patience)
	opened, err := connect(c.target, "http/1.1", deadline)
	if err != nil {
		return nil, err
	}
	opened.SetDeadline(deadline)
	s := &session{connection: opened, reader: bufio.NewReader(opened)}
	key := websocket.Key()
	_, err = fmt.Fprintf(opened, "GET /socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", c.target.Host, key)
	var response *http.Response
	if err == nil {
		response, err = readResponse(s.reader, http.MethodGet)
	}
	switch {
	case err != nil:
		err = broken(NoAnswer, err)
	case response.StatusCode != http.StatusSwitchingProtocols:
		err = problem{Status, response.Status}
	case response.Header.Get(backend.Name) == "" || response.Header.Get("Sec-WebSocket-Accept") != websocket.Accept(key):
		err = problem{Wrong, fmt.Sprintf("answered with %v", response.Header)}
	default:
		s.backend = response.Header.Get(backend.Name)
		return s, nil
	}
	opened.Close()
	return nil, err
}

func (s *session) echo(seed uint64) error {
	kind, length := byte(websocket.Text), int64(20)
	if seed%2 == 0 {
		kind, length = websocket.Binary, 20_000
	}
	message, _ := io.ReadAll(content.NewReader(seed, length))
	if kind == websocket.Text {
		message = fmt.Appendf(nil, "%x", message)
	}
	if err := websocket.Write(s, kind, message, true); err != nil {
		return broken(NoAnswer, err)
	}
	gotKind, got, err := websocket.Read(s.reader)
	switch {
	case err != nil:
		return broken(NoAnswer, err)
	case gotKind != kind || !bytes.Equal(got, message):
		return problem{Wrong, fmt.Sprintf("another message came back: kind %d, %d bytes", gotKind, len(got))}
	}
	return nil
}

func (s *session) goodbye() error {
	if err := websocket.Write(s, websocket.Close, []byte{3, 232}, true); err != nil {
		return broken(NoAnswer, err)
	}
	kind, _, err := websocket.Read(s.reader)
	switch {
	case err != nil:
		return broken(NoAnswer, err)
	case kind != websocket.Close:
		return problem{Wrong, fmt.Sprintf("a message of kind %d instead of a goodbye", kind)}
	}
	return nil
}
