package bed

import (
	"fmt"
	"testing"
)

func TestAddressesAreTakenOnceAndRestLongest(t *testing.T) {
	b := &balancer{taken: map[int]string{}}
	for want := 1; want <= balancerSize; want++ {
		got, err := b.take(fmt.Sprint("service", want))
		if got != want || err != nil {
			t.Fatalf("got %d, %v; want %d", got, err, want)
		}
	}
	if again, err := b.take("service7"); again != 7 || err != nil {
		t.Errorf("the same Service got %d, %v", again, err)
	}
	if _, err := b.take("another"); err == nil {
		t.Error("an address is taken twice")
	}
	delete(b.taken, 9)
	if got, err := b.take("another"); got != 9 || err != nil {
		t.Errorf("got %d, %v; want 9", got, err)
	}
}

func TestAddressesOfBothFamilies(t *testing.T) {
	for family, want := range map[string]string{"IPv4": "198.51.100.253", "IPv6": "2001:db8:51::fd"} {
		if got := balancerAddress(family, 253); got != want {
			t.Errorf("%s: got %s, want %s", family, got, want)
		}
	}
}
