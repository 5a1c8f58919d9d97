package bed

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Outside stands for a host that is not in the cluster: it is the node's name. In the bed there is no
// other, not even of Services.
const (
	Outside        = "outside.tidegate.test"
	OutsideAddress = nodeIPv4
)

// startNames answers pods that ask for names.
func startNames() error {
	connection, err := net.ListenPacket("udp", net.JoinHostPort(nodeIPv4, "53"))
	if err != nil {
		return err
	}
	go func() {
		question := make([]byte, 1<<12)
		for {
			length, from, err := connection.ReadFrom(question)
			if err != nil {
				fmt.Fprintln(os.Stderr, "names:", err)
				return
			}
			// What is no question gets no answer.
			if answer, err := nameAnswer(question[:length]); err == nil {
				_, _ = connection.WriteTo(answer, from)
			}
		}
	}()
	return nil
}

func nameAnswer(question []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(question)
	if err != nil {
		return nil, err
	}
	asked, err := parser.Question()
	if err != nil {
		return nil, err
	}
	answer := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, RCode: dnsmessage.RCodeNameError,
			RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{asked},
	}
	if strings.EqualFold(asked.Name.String(), Outside+".") {
		answer.RCode = dnsmessage.RCodeSuccess
		if asked.Type == dnsmessage.TypeA {
			answer.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: asked.Class, TTL: 5},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(OutsideAddress).As4()},
			}}
		}
	}
	return answer.Pack()
}
