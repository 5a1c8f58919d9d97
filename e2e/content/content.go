// Package content makes bytes that both sides of a test know: a body that arrives short, long or
// altered is told from the right one.
package content

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Reader gives length bytes that depend on nothing but the seed.
type Reader struct {
	state uint64
	word  [8]byte
	// used counts the bytes of word that were given.
	used int
	rest int64
}

// NewReader begins at the first byte.
func NewReader(seed uint64, length int64) *Reader {
	return &Reader{state: seed, used: 8, rest: length}
}

func (r *Reader) Read(into []byte) (int, error) {
	if r.rest <= 0 {
		return 0, io.EOF
	}
	into = into[:min(int64(len(into)), r.rest)]
	for done := 0; done < len(into); {
		if r.used == len(r.word) {
			binary.LittleEndian.PutUint64(r.word[:], r.next())
			r.used = 0
		}
		copied := copy(into[done:], r.word[r.used:])
		done, r.used = done+copied, r.used+copied
	}
	r.rest -= int64(len(into))
	return len(into), nil
}

// next is splitmix64: every seed, zero too, has its own sequence.
func (r *Reader) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Short tells that a body ended before its time; what was there was right.
type Short struct{ Received, Expected int64 }

func (s Short) Error() string {
	return fmt.Sprintf("ended after %d of %d bytes", s.Received, s.Expected)
}

// Checker compares what is written to it with what a Reader gives.
type Checker struct {
	expected *Reader
	length   int64
	received int64
	want     [16 << 10]byte
}

// NewChecker expects what NewReader gives.
func NewChecker(seed uint64, length int64) *Checker {
	return &Checker{expected: NewReader(seed, length), length: length}
}

// Write returns an error from the first wrong byte on.
func (c *Checker) Write(got []byte) (int, error) {
	for done := 0; done < len(got); {
		piece := got[done:min(len(got), done+len(c.want))]
		wanted, _ := io.ReadFull(c.expected, c.want[:len(piece)])
		if wanted < len(piece) {
			return done, fmt.Errorf("more than %d bytes", c.length)
		}
		if !bytes.Equal(piece, c.want[:wanted]) {
			return done, fmt.Errorf("a wrong byte after %d of %d", c.received, c.length)
		}
		done, c.received = done+wanted, c.received+int64(wanted)
	}
	return len(got), nil
}

// End returns an error if something is missing.
func (c *Checker) End() error {
	if c.received < c.length {
		return Short{c.received, c.length}
	}
	return nil
}

// Check reads to the end and compares. An error of the reader is returned as it is.
func Check(body io.Reader, seed uint64, length int64) error {
	checker := NewChecker(seed, length)
	if _, err := io.Copy(checker, body); err != nil {
		return err
	}
	return checker.End()
}
