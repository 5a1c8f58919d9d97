package websocket

import (
	"bufio"
	"bytes"
	"io"
	"testing"
)

// The example of RFC 6455 §1.3.
func TestAccept(t *testing.T) {
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func TestMessagesComeBack(t *testing.T) {
	for _, length := range []int{0, 1, 125, 126, 127, 65_535, 65_536, 100_000} {
		for _, masked := range []bool{false, true} {
			message := bytes.Repeat([]byte("abc"), length/3+1)[:length]
			var wire bytes.Buffer
			if err := Write(&wire, Binary, message, masked); err != nil {
				t.Fatal(err)
			}
			kind, got, err := Read(bufio.NewReader(&wire))
			if err != nil || kind != Binary || !bytes.Equal(got, message) {
				t.Errorf("%d bytes, masked %v: kind %d, %d bytes, %v", length, masked, kind, len(got), err)
			}
		}
	}
}

// §5.7: a masked "Hello".
func TestWire(t *testing.T) {
	wire := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	kind, message, err := Read(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil || kind != Text || string(message) != "Hello" {
		t.Errorf("kind %d, %q, %v", kind, message, err)
	}
	for cut := 1; cut < len(wire); cut++ {
		if _, _, err := Read(bufio.NewReader(bytes.NewReader(wire[:cut]))); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d bytes: %v", cut, err)
		}
	}
	if _, _, err := Read(bufio.NewReader(bytes.NewReader(nil))); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}
