// Package websocket has the frames of RFC 6455 as far as tests need them: whole messages without
// extensions, and no answer or repetition that nobody asked for.
package websocket

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What a frame is.
const (
	Text   = 1
	Binary = 2
	Close  = 8
)

// maxMessage bounds what is read: tests send no more.
const maxMessage = 1 << 20

// Accept is the answer to a handshake's key (§4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Key is a new one for a handshake.
func Key() string {
	var key [16]byte
	rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

// Write sends one message; clients have to mask theirs.
func Write(to io.Writer, kind byte, message []byte, masked bool) error {
	frame := []byte{0x80 | kind}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	switch length := len(message); {
	case length < 126:
		frame = append(frame, mask|byte(length))
	case length < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, mask|126), uint16(length))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, mask|127), uint64(length))
	}
	if masked {
		var key [4]byte
		rand.Read(key[:])
		frame = append(frame, key[:]...)
		start := len(frame)
		frame = append(frame, message...)
		apply(key, frame[start:])
	} else {
		frame = append(frame, message...)
	}
	_, err := to.Write(frame)
	return err
}

// Read takes the next message.
func Read(from *bufio.Reader) (kind byte, message []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0x80 == 0 || head[0]&0x70 != 0 {
		return 0, nil, errors.New("a frame that is no whole message")
	}
	length := uint64(head[1] & 0x7f)
	if length > 125 {
		more := make([]byte, 2+6*(length-126))
		if _, err := io.ReadFull(from, more); err != nil {
			return 0, nil, unexpected(err)
		}
		length = 0
		for _, b := range more {
			length = length<<8 | uint64(b)
		}
	}
	if length > maxMessage {
		return 0, nil, fmt.Errorf("a message of %d bytes", length)
	}
	var key [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(from, key[:]); err != nil {
			return 0, nil, unexpected(err)
		}
	}
	message = make([]byte, length)
	if _, err := io.ReadFull(from, message); err != nil {
		return 0, nil, unexpected(err)
	}
	apply(key, message)
	return head[0] & 0x0f, message, nil
}

func apply(key [4]byte, message []byte) {
	for i := range message {
		message[i] ^= key[i%4]
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
