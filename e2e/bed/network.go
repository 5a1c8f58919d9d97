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
	return p.run(ctx, "network", "sh", "-c", script.String())
}
