package load

import (
	"sync"
	"time"
)

// http2Client is one connection at a time, which several streams share.
type http2Client struct {
	load   *Load
	target Target

	mu      sync.Mutex
	current *http2Connection
}

func (c *http2Client) run(pace *pace) {
	defer c.close()
	for c.load.pauseUntil(pace.next()) {
		j, begun := pace.job(), time.Now()
		backend, err := c.exchange(j, begun.Add(j.within()))
		c.load.record(HTTP2, j, begun, backend, "on a stream", err)
	}
}

func (c *http2Client) exchange(j job, deadline time.Time) (string, error) {
	connection, err := c.connection(deadline)
	if err != nil {
		return "", err
	}
	stream, err := connection.open(j, c.target)
	if err != nil {
		return "", err
	}
	return stream.wait(deadline)
}

// connection is the current one, or a new one if no stream may be opened there any more; those
// under way on the old one go on.
func (c *http2Client) connection(deadline time.Time) (*http2Connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current.usable() {
		return c.current, nil
	}
	if c.current != nil {
		c.load.tally.reopened()
		c.current = nil
	}
	opened, err := connect(c.target, "h2", deadline)
	if err != nil {
		return nil, err
	}
	c.current, err = startHTTP2(opened)
	return c.current, err
}

// close is called by each stream at its end, when nothing is under way on it.
func (c *http2Client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.retire()
	}
}
