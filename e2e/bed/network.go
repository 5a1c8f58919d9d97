package bed

import (
	"context"
	"os"
	"strings"
)

// The node's interface is one end of a pair within the namespace, so that it has a carrier. The
// default routes let the node choose a source address; they lead nowhere.
const network = `
link set lo up
link add node0 type veth peer name uplink0
address add ` + nodeIPv4 + `/24 dev node0
address add ` + nodeIPv6 + `/64 dev node0 nodad
link set uplink0 up
link set node0 up
route add default via 192.0.2.1 dev node0
-6 route add default via 2001:db8::1 dev node0
`

// What still goes to an address of the balancer behind kube-proxy's rules was not translated: there
// is no such Service, or it slipped through while the rules were being replaced (seen about once in
// 50,000 connections). It would go out by the default route and fail 3 s later as "no route to
// host", as does a connection to a pod that is gone. Refused like this the two are told apart.
const untranslated = `
add table inet bed
add chain inet bed output { type filter hook output priority 300 ; }
add rule inet bed output ip daddr ` + balancerIPv4 + `0/24 reject with icmp type prot-unreachable
add rule inet bed output ip6 daddr ` + balancerIPv6 + `/120 reject with icmpv6 type admin-prohibited
`

func (p *processes) setUpNetwork(ctx context.Context) error {
	for _, file := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/"+file, []byte("1"), 0o644); err != nil {
			return err
		}
	}
	var script strings.Builder
	script.WriteString("set -e\n")
	for line := range strings.Lines(strings.TrimSpace(network)) {
		script.WriteString("ip " + line)
	}
	script.WriteString("\nnft -f - <<'END'" + untranslated + "END\n")
	return p.run(ctx, "network", "sh", "-c", script.String())
}
