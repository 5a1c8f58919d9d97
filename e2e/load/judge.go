package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"tidegate.dev/e2e/backend"
	"tidegate.dev/e2e/content"
)

// judge reads the head of an answer and returns the backend that made it.
func (j job) judge(status int, header http.Header) (string, error) {
	from := header.Get(backend.Name)
	if status != http.StatusOK || from == "" {
		return from, problem{Status, fmt.Sprintf("%d from %q", status, from)}
	}
	if got, want := header.Get(backend.Received), fmt.Sprintf("%d same", j.ask.Body); got != want {
		return from, problem{Wrong, fmt.Sprintf("the backend got %q and not %q", got, want)}
	}
	return from, nil
}

// judgeBody tells an answer that broke off from one that is another.
func (j job) judgeBody(err error) error {
	var short content.Short
	var network net.Error
	switch {
	case errors.As(err, &short):
		// Its end was there, so the client could not tell.
		return problem{Wrong, err.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return broken(Cut, err)
	default:
		return problem{Wrong, err.Error()}
	}
}
