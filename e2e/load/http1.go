package load

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"time"

	"tidegate.dev/e2e/content"
)

// http1Client has at most one connection at a time.
type http1Client struct {
	load   *Load
	kind   Kind
	target Target
	kept   *http1Connection
}

type http1Connection struct {
	*connection
	reader   *bufio.Reader
	requests int
}

func (c *http1Client) run(pace *pace) {
	defer c.close()
	for c.load.pauseUntil(pace.next()) {
		j, begun := pace.job(), time.Now()
		backend, place, err := c.exchange(j, begun.Add(j.within()))
		if err != nil || c.kind == NewConnection {
			c.close()
		}
		c.load.record(c.kind, j, begun, backend, place, err)
	}
}

func (c *http1Client) close() {
	if c.kept != nil {
		c.kept.Close()
		c.kept = nil
	}
}

// exchange uses the kept connection, or a new one if there is none any more.
func (c *http1Client) exchange(j job, deadline time.Time) (from, place string, err error) {
	if c.kept != nil && c.kept.closed() {
		c.close()
		c.load.tally.reopened()
	}
	if c.kept == nil {
		opened, err := connect(c.target, "http/1.1", deadline)
		if err != nil {
			return "", "on a new connection", err
		}
		c.kept = &http1Connection{connection: opened, reader: bufio.NewReader(opened)}
	}
	c.kept.requests++
	place = fmt.Sprintf("request %d of its connection", c.kept.requests)
	c.kept.SetDeadline(deadline)
	if err := c.send(j); err != nil {
		return "", place, broken(NoAnswer, err)
	}
	response, err := readResponse(c.kept.reader, j.method)
	if err != nil {
		return "", place, broken(NoAnswer, err)
	}
	from, err = j.judge(response.StatusCode, response.Header)
	if err != nil {
		return from, place, err
	}
	if err := content.Check(response.Body, j.ask.Seed, j.ask.Bytes); err != nil {
		return from, place, j.judgeBody(err)
	}
	if response.Close {
		c.close()
	}
	return from, place, nil
}

func (c *http1Client) send(j job) error {
	to := bufio.NewWriterSize(c.kept, 8<<10)
	fmt.Fprintf(to, "%s %s?%s HTTP/1.1\r\nHost: %s\r\n", j.method, j.path, j.ask.Query(), c.target.Host)
	if c.kind == NewConnection {
		fmt.Fprint(to, "Connection: close\r\n")
	}
	body := content.NewReader(j.ask.Seed, j.ask.Body)
	switch {
	case j.method == "GET":
		fmt.Fprint(to, "\r\n")
	case j.chunked:
		fmt.Fprint(to, "Transfer-Encoding: chunked\r\n\r\n")
		for piece := make([]byte, 4<<10); ; {
			n, err := body.Read(piece)
			fmt.Fprintf(to, "%x\r\n%s\r\n", n, piece[:n])
			if err != nil {
				break
			}
		}
	default:
		fmt.Fprintf(to, "Content-Length: %d\r\n\r\n", j.ask.Body)
		io.Copy(to, body)
	}
	// It remembers the first error.
	return to.Flush()
}

// readResponse passes over interim ones.
func readResponse(from *bufio.Reader, method string) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(from, &http.Request{Method: method})
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
}
