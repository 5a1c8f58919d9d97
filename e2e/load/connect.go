package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// connection is plain or encrypted.
type connection struct {
	net.Conn
	raw *net.TCPConn
}

// connect offers that one protocol where there is TLS.
func connect(target Target, protocol string, deadline time.Time) (*connection, error) {
	dialed, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", target.Address)
	if errors.Is(err, syscall.ENOPROTOOPT) || errors.Is(err, syscall.EACCES) {
		return nil, problem{Untranslated, err.Error()}
	}
	if err != nil {
		return nil, broken(Connect, err)
	}
	raw := dialed.(*net.TCPConn)
	if target.TLS == nil {
		return &connection{raw, raw}, nil
	}
	config := target.TLS.Clone()
	config.ServerName, config.NextProtos = target.Host, []string{protocol}
	client := tls.Client(raw, config)
	raw.SetDeadline(deadline)
	if err := client.Handshake(); err != nil {
		raw.Close()
		return nil, broken(Connect, fmt.Errorf("handshake: %w", err))
	}
	if chosen := client.ConnectionState().NegotiatedProtocol; chosen != protocol {
		raw.Close()
		return nil, problem{Connect, fmt.Sprintf("ALPN chose %q and not %s", chosen, protocol)}
	}
	return &connection{client, raw}, nil
}

// closed tells whether the server has ended an idle connection: anything there is to read means
// that, be it the end itself or TLS's or HTTP's word before it.
func (c *connection) closed() bool {
	raw, err := c.raw.SyscallConn()
	if err != nil {
		return true
	}
	closed := true
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = !errors.Is(err, syscall.EAGAIN)
		return true
	})
	return closed || err != nil
}
