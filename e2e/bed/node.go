package bed

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeNodeFiles writes what containerd and kubelet read.
func (l Layout) writeNodeFiles() error {
	if err := os.MkdirAll(l.run("cni"), 0o755); err != nil {
		return err
	}
	// The machine's own cannot be reached.
	if err := os.WriteFile(l.run("resolv.conf"), []byte("nameserver "+nodeIPv4+"\n"), 0o644); err != nil {
		return err
	}
	for file, text := range map[string]string{
		"cni/10-pods.conflist": l.pluginConfig(),
		"containerd.toml":      l.containerdConfig(),
		"kubelet.yaml":         l.kubeletConfig(),
		"audit.yaml":           auditPolicy,
	} {
		if err := os.WriteFile(l.run(file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (l Layout) pluginConfig() string {
	return fmt.Sprintf(`{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "%s",
            "ranges": [[{"subnet": "%s"}], [{"subnet": "%s"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`, l.run("cni-addresses"), podsIPv4, podsIPv6)
}

func (l Layout) containerdConfig() string {
	return fmt.Sprintf(`version = 3
root = "%[1]s/containerd"
state = "%[1]s/containerd-state"
[grpc]
address = "%[2]s"
[ttrpc]
address = "%[2]s.ttrpc"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "%[3]s"
[plugins."io.containerd.cri.v1.runtime"]
# A machine without CAP_SYS_RESOURCE cannot lower these scores, and runc dies of it.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "%[1]s/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
`, l.Run, l.socket(), pauseImage)
}

func (l Layout) kubeletConfig() string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: %[1]s}}
authorization: {mode: Webhook}
tlsCertFile: %[2]s
tlsPrivateKeyFile: %[3]s
containerRuntimeEndpoint: unix://%[4]s
# Whatever cgroups the machine has: no hierarchy per class of pods, no limit on the node itself.
cgroupDriver: cgroupfs
failCgroupV1: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
clusterDomain: cluster.local
resolvConf: %[5]s
# What is on this machine besides the bed is nothing to evict pods for.
evictionHard: {memory.available: 50Mi, nodefs.available: 50Mi, imagefs.available: 50Mi}
imageGCHighThresholdPercent: 100
maxPods: 500
podLogsDir: %[6]s
volumePluginDir: %[7]s
serializeImagePulls: false
kubeAPIQPS: 200
kubeAPIBurst: 400
`, l.pki("ca.crt"), l.pki("kubelet.crt"), l.pki("kubelet.key"), l.socket(), l.run("resolv.conf"),
		filepath.Join(l.Log, "pods"), l.run("volume-plugins"))
}

// Who asked for what, and what was written: enough to compare with the roles and to count writes.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [admin]
  verbs: [get, list, watch]
- level: None
  userGroups: [system:nodes]
- level: None
  users:
  - system:apiserver
  - system:kube-controller-manager
  - system:kube-scheduler
  - system:kube-proxy
- level: None
  userGroups: [system:serviceaccounts:kube-system]
- level: Metadata
  resources: [{group: "", resources: [secrets]}]
- level: Request
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
`
