package bed

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// What kubelet sets for the whole machine. It finds these values in place, and sets nothing.
var tunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// Where programs keep state of their own that cannot be told to go elsewhere.
var scratch = []string{"/run", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"}

// mount makes the mounts that only the bed sees.
func (l Layout) mount() error {
	// What the machine mounts later is seen here, nothing of this is seen there; and kubelet needs
	// mounts that are shared with the containers.
	for _, propagation := range []uintptr{syscall.MS_SLAVE, syscall.MS_SHARED} {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|propagation, ""); err != nil {
			return fmt.Errorf("cannot make mounts private: %w", err)
		}
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	for _, directory := range scratch {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("cannot mount %s: %w", directory, err)
		}
	}
	if err := os.Mkdir("/run/lock", 0o755); err != nil {
		return err
	}
	return l.hideTunables()
}

func (l Layout) hideTunables() error {
	for name, value := range tunables {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); err != nil {
			continue // not in this kernel
		}
		source := l.run("tunables", name)
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(source, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot cover %s: %w", target, err)
		}
	}
	return nil
}
