package load

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// window is what the server may send ahead: enough that nothing here holds it up.
const window = 16 << 20

// http2Connection speaks HTTP/2 (RFC 9113) as a client, and never sends anything again.
type http2Connection struct {
	*connection
	framer *http2.Framer

	mu      sync.Mutex
	encoder *hpack.Encoder
	encoded bytes.Buffer
	streams map[uint32]*http2Stream
	next    uint32
	// goAway: no more streams may be opened. ended: nothing can be sent at all.
	goAway bool
	ended  error
	// What may be sent: of all streams, of each at its beginning, in one frame.
	window, initialWindow, maxFrame int64
	// moved wakes those who wait for a window.
	moved *sync.Cond
}

func startHTTP2(opened *connection) (*http2Connection, error) {
	// Deadlines are those of streams from here on.
	opened.SetDeadline(time.Time{})
	c := &http2Connection{
		connection: opened, framer: http2.NewFramer(opened, opened), streams: map[uint32]*http2Stream{}, next: 1,
		window: 65_535, initialWindow: 65_535, maxFrame: 16_384,
	}
	c.moved = sync.NewCond(&c.mu)
	c.encoder = hpack.NewEncoder(&c.encoded)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := opened.Write([]byte(http2.ClientPreface))
	if err == nil {
		err = c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}, http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	}
	if err == nil {
		err = c.framer.WriteWindowUpdate(0, window)
	}
	if err != nil {
		opened.Close()
		return nil, broken(Connect, err)
	}
	go c.read()
	return c, nil
}

// usable is false after a GOAWAY and after the end.
func (c *http2Connection) usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.goAway && c.ended == nil
}

// retire closes it once no stream is under way.
func (c *http2Connection) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.goAway = true
	c.closeIfIdle()
}

func (c *http2Connection) closeIfIdle() {
	if c.goAway && len(c.streams) == 0 {
		c.Close()
	}
}

// open begins a stream with that request. The body is sent as the server's windows allow, which
// this does not wait for.
func (c *http2Connection) open(j job, target Target) (*http2Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return nil, c.ended
	}
	s := newHTTP2Stream(c, j)
	c.next += 2
	s.id, s.window = c.next-2, c.initialWindow
	scheme := "http"
	if target.TLS != nil {
		scheme = "https"
	}
	fields := []hpack.HeaderField{
		{Name: ":method", Value: j.method}, {Name: ":scheme", Value: scheme}, {Name: ":authority", Value: target.Host},
		{Name: ":path", Value: j.path + "?" + j.ask.Query()},
	}
	if j.method == http.MethodPost && !j.chunked {
		fields = append(fields, hpack.HeaderField{Name: "content-length", Value: fmt.Sprint(j.ask.Body)})
	}
	c.encoded.Reset()
	for _, field := range fields {
		// A buffer takes everything.
		_ = c.encoder.WriteField(field)
	}
	c.streams[s.id] = s
	err := c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: s.id, BlockFragment: c.encoded.Bytes(), EndHeaders: true, EndStream: j.method == http.MethodGet,
	})
	if err != nil {
		delete(c.streams, s.id)
		return nil, broken(NoAnswer, err)
	}
	if j.method != http.MethodGet {
		go s.send()
	}
	return s, nil
}

// read takes frames until the connection ends, which ends all that is under way.
func (c *http2Connection) read() {
	for {
		frame, err := c.framer.ReadFrame()
		c.mu.Lock()
		if err == nil {
			err = c.take(frame)
		}
		if err != nil {
			c.ended = broken(NoAnswer, err)
			for _, s := range c.streams {
				s.end(broken(s.stage(), err))
			}
			c.moved.Broadcast()
			c.mu.Unlock()
			c.Close()
			return
		}
		c.closeIfIdle()
		c.mu.Unlock()
	}
}

func (c *http2Connection) take(frame http2.Frame) error {
	s := c.streams[frame.Header().StreamID]
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		return c.settings(frame)
	case *http2.PingFrame:
		if !frame.IsAck() {
			return c.framer.WritePing(true, frame.Data)
		}
	case *http2.WindowUpdateFrame:
		if frame.StreamID == 0 {
			c.window += int64(frame.Increment)
		} else if s != nil {
			s.window += int64(frame.Increment)
		}
		c.moved.Broadcast()
	case *http2.GoAwayFrame:
		c.goAway = true
		for id, other := range c.streams {
			if id > frame.LastStreamID {
				other.end(problem{NoAnswer, fmt.Sprintf("GOAWAY below the stream: %v", frame.ErrCode)})
			}
		}
	case *http2.RSTStreamFrame:
		// Without an error it only says that the rest of the request is not wanted.
		if s != nil && !(s.complete && frame.ErrCode == http2.ErrCodeNo) {
			s.end(problem{s.stage(), fmt.Sprintf("reset: %v", frame.ErrCode)})
		}
	case *http2.MetaHeadersFrame:
		if s != nil {
			s.headers(frame)
		}
	case *http2.DataFrame:
		return c.data(s, frame)
	}
	return nil
}

func (c *http2Connection) settings(frame *http2.SettingsFrame) error {
	if frame.IsAck() {
		return nil
	}
	err := frame.ForeachSetting(func(setting http2.Setting) error {
		switch setting.ID {
		case http2.SettingInitialWindowSize:
			for _, s := range c.streams {
				s.window += int64(setting.Val) - c.initialWindow
			}
			c.initialWindow = int64(setting.Val)
		case http2.SettingMaxFrameSize:
			c.maxFrame = int64(setting.Val)
		case http2.SettingHeaderTableSize:
			c.encoder.SetMaxDynamicTableSizeLimit(setting.Val)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.moved.Broadcast()
	return c.framer.WriteSettingsAck()
}

// data gives back at once what it takes of the windows.
func (c *http2Connection) data(s *http2Stream, frame *http2.DataFrame) error {
	if length := frame.Header().Length; length > 0 {
		if err := c.framer.WriteWindowUpdate(0, length); err != nil {
			return err
		}
		if s != nil && !frame.StreamEnded() {
			if err := c.framer.WriteWindowUpdate(s.id, length); err != nil {
				return err
			}
		}
	}
	if s != nil {
		s.data(frame)
	}
	return nil
}
