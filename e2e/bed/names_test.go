package bed

import (
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestOneNameIsKnown(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    dnsmessage.Type
		code    dnsmessage.RCode
		address string
	}{
		{"Outside.tidegate.test.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, OutsideAddress},
		{"outside.tidegate.test.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, ""},
		{"carts.invalid.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
	} {
		asked := dnsmessage.Question{Name: dnsmessage.MustNewName(c.name), Type: c.kind, Class: dnsmessage.ClassINET}
		question := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{asked}}
		packed, err := question.Pack()
		if err != nil {
			t.Fatal(err)
		}
		var answer dnsmessage.Message
		if packed, err = nameAnswer(packed); err == nil {
			err = answer.Unpack(packed)
		}
		if err != nil || answer.ID != 7 || !answer.Response || answer.RCode != c.code || len(answer.Questions) != 1 || answer.Questions[0] != asked {
			t.Errorf("%s: %+v, %v", c.name, answer, err)
		}
		address := ""
		for _, resource := range answer.Answers {
			if body, ok := resource.Body.(*dnsmessage.AResource); ok {
				address = netip.AddrFrom4(body.A).String()
			}
		}
		if address != c.address {
			t.Errorf("%s has the address %q, not %q", c.name, address, c.address)
		}
	}
	if answer, err := nameAnswer([]byte("no question")); err == nil {
		t.Errorf("%q", answer)
	}
}
