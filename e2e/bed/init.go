package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Init is the first process of the namespaces: it starts everything, reports on file descriptor 3
// how that went, and stays.
func (l Layout) Init() error {
	report := os.NewFile(3, "report")
	if report == nil || os.Getpid() != 1 {
		return errors.New("only the bed itself starts this")
	}
	syscall.CloseOnExec(3)
	p := newProcesses(l)
	ctx := context.Background()
	started := time.Now()
	say := func(what string) {
		fmt.Fprintf(report, "%4.1f s  %s\n", time.Since(started).Seconds(), what)
	}
	api, err := p.startAll(ctx, say)
	if err != nil {
		fmt.Fprintln(report, "failed", strings.ReplaceAll(err.Error(), "\n", " "))
		return err
	}
	fmt.Fprintln(report, "ready")
	report.Close()
	go p.serveControl()
	(&balancer{client: api, taken: map[int]string{}}).run(ctx)
	return nil
}

func (p *processes) startAll(ctx context.Context, say func(string)) (*client, error) {
	l := p.layout
	if err := l.mount(); err != nil {
		return nil, err
	}
	if err := l.writePKI(); err != nil {
		return nil, err
	}
	if err := l.writeNodeFiles(); err != nil {
		return nil, err
	}
	if err := p.setUpNetwork(ctx); err != nil {
		return nil, err
	}
	if err := startNames(); err != nil {
		return nil, err
	}
	api, err := l.newClient()
	if err != nil {
		return nil, err
	}
	if err := p.startServices("etcd", "apiserver", "containerd"); err != nil {
		return nil, err
	}
	if err := p.importImages(ctx); err != nil {
		return nil, err
	}
	say("images imported")
	err = p.until(ctx, "API server", func() error { return api.get(ctx, "/readyz", nil) })
	if err != nil {
		return nil, err
	}
	say("API server ready")
	if err := p.startServices("controllers", "scheduler", "kubelet", "kube-proxy"); err != nil {
		return nil, err
	}
	if err := p.until(ctx, "node", func() error { return nodeReady(ctx, api) }); err != nil {
		return nil, err
	}
	// Without it no pod can be made.
	account := "/api/v1/namespaces/default/serviceaccounts/default"
	err = p.until(ctx, "controllers", func() error { return api.get(ctx, account, nil) })
	if err != nil {
		return nil, err
	}
	say("node Ready")
	return api, nil
}

func (p *processes) startServices(names ...string) error {
	for _, name := range names {
		if err := p.start(name, p.layout.command(name)...); err != nil {
			return err
		}
	}
	return nil
}

func (p *processes) importImages(ctx context.Context) error {
	archives, err := filepath.Glob(filepath.Join(p.layout.Images, "*.tar"))
	if err != nil {
		return err
	}
	err = p.until(ctx, "containerd", func() error {
		_, err := os.Stat(p.layout.socket())
		return err
	})
	if err != nil {
		return err
	}
	for _, archive := range archives {
		name := "import-" + strings.TrimSuffix(filepath.Base(archive), ".tar")
		if err := p.run(ctx, name, append(p.layout.ctr(), "images", "import", archive)...); err != nil {
			return err
		}
	}
	return nil
}

func nodeReady(ctx context.Context, api *client) error {
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := api.get(ctx, "/api/v1/nodes/"+nodeName, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" {
			if condition.Status == "True" {
				return nil
			}
			return errors.New(condition.Message)
		}
	}
	return errors.New("no condition Ready yet")
}

// command is how a part of the cluster is started.
func (l Layout) command(name string) []string {
	switch name {
	case "etcd":
		return []string{"etcd", "--data-dir", l.run("etcd"), "--unsafe-no-fsync",
			"--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
			"--listen-peer-urls", "http://127.0.0.1:2380"}
	case "apiserver":
		return []string{"kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
			"--service-cluster-ip-range=" + servicesIPv4 + "," + servicesIPv6,
			"--advertise-address=" + nodeIPv4, "--secure-port=6443",
			"--tls-cert-file=" + l.pki("apiserver.crt"), "--tls-private-key-file=" + l.pki("apiserver.key"),
			"--client-ca-file=" + l.pki("ca.crt"),
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + l.pki("serviceaccounts.pub"),
			"--service-account-signing-key-file=" + l.pki("serviceaccounts.key"),
			// On by itself from 1.37 on.
			"--feature-gates=ClusterTrustBundle=true",
			"--runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true",
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
			"--kubelet-client-certificate=" + l.pki("admin.crt"), "--kubelet-client-key=" + l.pki("admin.key"),
			// There is no DNS for the node's name, which logs and exec would need.
			"--kubelet-preferred-address-types=InternalIP",
			"--audit-policy-file=" + l.run("audit.yaml"), "--audit-log-path=" + l.AuditLog(),
			// In one file, however long it gets: it is as old as the cluster.
			"--audit-log-maxsize=0",
			"--allow-privileged=true", "--profiling=false"}
	case "controllers":
		return []string{"kube-controller-manager", "--kubeconfig=" + l.run("controllers.kubeconfig"),
			"--service-account-private-key-file=" + l.pki("serviceaccounts.key"), "--root-ca-file=" + l.pki("ca.crt"),
			"--cluster-signing-cert-file=" + l.pki("ca.crt"), "--cluster-signing-key-file=" + l.pki("ca.key"),
			"--use-service-account-credentials", "--leader-elect=false",
			// After 30 s without the API server this program may wait up to a minute longer before it reads
			// Leases again. With the default of 50 s it then says of the only node, and of all pods, that
			// they are not ready; and kube-proxy refuses new connections to any Service, a Gateway's too.
			"--node-monitor-grace-period=3m",
			"--controllers=*,-service-lb-controller,-node-route-controller,-cloud-node-lifecycle-controller"}
	case "scheduler":
		return []string{"kube-scheduler", "--kubeconfig=" + l.run("scheduler.kubeconfig"), "--leader-elect=false"}
	case "containerd":
		return []string{"containerd", "--config", l.run("containerd.toml")}
	case "kubelet":
		return []string{"kubelet", "--config=" + l.run("kubelet.yaml"), "--kubeconfig=" + l.run("kubelet.kubeconfig"),
			"--hostname-override=" + nodeName, "--node-ip=" + nodeIPv4 + "," + nodeIPv6, "--root-dir=" + l.run("kubelet")}
	case "kube-proxy":
		// The machine's own limit on tracked connections is left alone.
		return []string{"kube-proxy", "--kubeconfig=" + l.run("proxy.kubeconfig"), "--proxy-mode=nftables",
			"--cluster-cidr=" + podsIPv4 + "," + podsIPv6, "--hostname-override=" + nodeName, "--conntrack-max-per-core=0"}
	default:
		return nil
	}
}
