package bed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// balancer stands in for a cloud's load balancers: it gives each Service of type LoadBalancer an
// address of each of its families, or the one that it asks for if nobody else has it. kube-proxy serves these on the
// node.
type balancer struct {
	client *client
	// taken tells which Service has which number in the ranges.
	taken map[int]string
	last  int
}

// size of the range: the last byte of an IPv4 address, without the first and the last.
const balancerSize = 253

type service struct {
	Metadata struct{ Namespace, Name, UID string }
	Spec     struct {
		Type              string
		IPFamilies        []string
		LoadBalancerIP    string
		LoadBalancerClass *string
	}
	Status struct {
		LoadBalancer struct {
			Ingress []struct{ IP string }
		}
	}
}

func (b *balancer) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := b.follow(ctx); err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "balancer:", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// follow watches until the API server ends it, as it does every few minutes. The watch begins with
// all that is there.
func (b *balancer) follow(ctx context.Context) error {
	body, err := b.client.open(ctx, http.MethodGet, "/api/v1/services?watch=1", "", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	events := json.NewDecoder(body)
	for {
		var event struct {
			Type   string
			Object service
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		if err := b.handle(ctx, event.Type, event.Object); err != nil {
			fmt.Fprintln(os.Stderr, "balancer:", err)
		}
	}
}

func (b *balancer) handle(ctx context.Context, event string, s service) error {
	if event == "DELETED" || s.Spec.Type != "LoadBalancer" {
		for number, uid := range b.taken {
			if uid == s.Metadata.UID {
				delete(b.taken, number)
			}
		}
		return nil
	}
	if s.Spec.LoadBalancerClass != nil {
		return nil
	}
	ingress := []map[string]string{}
	if wanted := s.Spec.LoadBalancerIP; wanted != "" {
		if b.reserve(s.Metadata.UID, wanted) {
			ingress = append(ingress, map[string]string{"ip": wanted})
		}
	} else {
		if len(s.Status.LoadBalancer.Ingress) > 0 {
			return nil
		}
		number, err := b.take(s.Metadata.UID)
		if err != nil {
			return err
		}
		for _, family := range s.Spec.IPFamilies {
			ingress = append(ingress, map[string]string{"ip": balancerAddress(family, number)})
		}
	}
	if same(ingress, s) {
		return nil
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/services/%s/status", s.Metadata.Namespace, s.Metadata.Name)
	return b.client.patch(ctx, path, map[string]any{
		"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}},
	})
}

// reserve takes the number of an address that a Service asks for, unless it is in none of the ranges
// or another Service has it.
func (b *balancer) reserve(uid, address string) bool {
	for number := 1; number <= balancerSize; number++ {
		if balancerAddress("IPv4", number) == address || balancerAddress("IPv6", number) == address {
			if owner := b.taken[number]; owner != "" && owner != uid {
				return false
			}
			b.taken[number] = uid
			return true
		}
	}
	return false
}

// same tells whether the Service has just these addresses.
func same(ingress []map[string]string, s service) bool {
	var wanted, there []string
	for _, one := range ingress {
		wanted = append(wanted, one["ip"])
	}
	for _, one := range s.Status.LoadBalancer.Ingress {
		there = append(there, one.IP)
	}
	return slices.Equal(wanted, there)
}

// take finds a free number, the one freed longest ago first.
func (b *balancer) take(uid string) (int, error) {
	for number, owner := range b.taken {
		if owner == uid {
			return number, nil
		}
	}
	for range balancerSize {
		b.last = b.last%balancerSize + 1
		if b.taken[b.last] == "" {
			b.taken[b.last] = uid
			return b.last, nil
		}
	}
	return 0, fmt.Errorf("all %d addresses are taken", balancerSize)
}

func balancerAddress(family string, number int) string {
	if family == "IPv6" {
		return fmt.Sprintf("%s%x", balancerIPv6, number)
	}
	return fmt.Sprintf("%s%d", balancerIPv4, number)
}
