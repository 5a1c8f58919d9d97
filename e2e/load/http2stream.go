package load

import (
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"tidegate.dev/e2e/content"
)

// http2Stream is one request. All but wait is called with the connection's lock held.
type http2Stream struct {
	connection *http2Connection
	id         uint32
	job        job
	window     int64
	answer     *content.Checker
	backend    string
	begun      bool
	complete   bool
	// sent: nothing more is to be sent.
	sent bool
	done chan error
}

func newHTTP2Stream(c *http2Connection, j job) *http2Stream {
	return &http2Stream{connection: c, job: j, answer: content.NewChecker(j.ask.Seed, j.ask.Bytes), done: make(chan error, 1)}
}

// wait returns the backend that made the answer once that is complete.
func (s *http2Stream) wait(deadline time.Time) (string, error) {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	var err error
	select {
	case err = <-s.done:
	case <-timer.C:
		err = problem{Late, "no complete answer"}
	}
	c := s.connection
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.complete || !s.sent && s.job.method != http.MethodGet {
		// What the connection is worth is told by other streams.
		_ = c.framer.WriteRSTStream(s.id, http2.ErrCodeCancel)
	}
	s.sent = true
	c.moved.Broadcast()
	delete(c.streams, s.id)
	c.closeIfIdle()
	return s.backend, err
}

// end tells the first outcome, which is the one that counts.
func (s *http2Stream) end(err error) {
	select {
	case s.done <- err:
	default:
	}
}

// stage is how an end is called that comes now.
func (s *http2Stream) stage() What {
	if s.begun {
		return Cut
	}
	return NoAnswer
}

func (s *http2Stream) headers(frame *http2.MetaHeadersFrame) {
	if s.begun {
		// Trailers, which no backend sends but at the end.
		s.finish()
		return
	}
	status, _ := strconv.Atoi(frame.PseudoValue("status"))
	if status < 200 {
		return
	}
	header := http.Header{}
	for _, field := range frame.RegularFields() {
		header.Add(field.Name, field.Value)
	}
	s.begun = true
	var err error
	if s.backend, err = s.job.judge(status, header); err != nil {
		s.end(err)
	}
	if frame.StreamEnded() {
		s.finish()
	}
}

func (s *http2Stream) data(frame *http2.DataFrame) {
	if _, err := s.answer.Write(frame.Data()); err != nil {
		s.end(problem{Wrong, err.Error()})
	}
	if frame.StreamEnded() {
		s.finish()
	}
}

func (s *http2Stream) finish() {
	s.complete = true
	if err := s.answer.End(); err != nil {
		s.end(s.job.judgeBody(err))
	}
	s.end(nil)
}

// send writes the body, on a goroutine of its own.
func (s *http2Stream) send() {
	c := s.connection
	body := content.NewReader(s.job.ask.Seed, s.job.ask.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := s.job.ask.Body; ; {
		for c.ended == nil && !s.sent && rest > 0 && min(c.window, s.window) <= 0 {
			c.moved.Wait()
		}
		if c.ended != nil || s.sent {
			return
		}
		piece := make([]byte, max(0, min(rest, c.window, s.window, c.maxFrame)))
		n, _ := body.Read(piece)
		rest -= int64(n)
		c.window, s.window = c.window-int64(n), s.window-int64(n)
		if err := c.framer.WriteData(s.id, rest == 0, piece[:n]); err != nil {
			// The reader finds the connection broken, too.
			return
		}
		if rest == 0 {
			s.sent = true
			return
		}
	}
}
