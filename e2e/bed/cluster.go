package bed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// InitCommand is the argument by which the bed's program is its own first process.
const InitCommand = "init"

// Up starts the cluster and returns when the node is Ready. If it cannot, or ctx ends before,
// nothing is left. With attached, the cluster ends with the calling process, however that ends.
func (l Layout) Up(ctx context.Context, attached bool) (err error) {
	if pid := l.pid(); pid != 0 {
		return fmt.Errorf("the test bed %q is up already (process %d); take it down first", l.Name, pid)
	}
	// Whatever a machine that went down left there.
	if err := l.clean(); err != nil {
		return err
	}
	for _, directory := range []string{l.Run, l.Log} {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return err
		}
	}
	logs, err := filepath.Glob(filepath.Join(l.Log, "*"))
	if err != nil {
		return err
	}
	for _, old := range logs {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Down())
		}
	}()
	return l.startInit(ctx, attached)
}

func (l Layout) startInit(ctx context.Context, attached bool) error {
	output, err := os.Create(filepath.Join(l.Log, "init.log"))
	if err != nil {
		return err
	}
	defer output.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	attributes := &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	}
	if attached {
		// Sent when the thread ends that started it, so that thread must stay.
		runtime.LockOSThread()
		attributes.Pdeathsig = syscall.SIGKILL
	}
	command := exec.Command("/proc/self/exe", InitCommand)
	command.Stdout, command.Stderr = output, output
	command.ExtraFiles = []*os.File{writer}
	command.SysProcAttr = attributes
	if err := command.Start(); err != nil {
		return fmt.Errorf("cannot make namespaces: %w", err)
	}
	writer.Close()
	go command.Wait() // so that it does not stay as a zombie if it ends first
	if err := os.WriteFile(l.pidFile(), []byte(strconv.Itoa(command.Process.Pid)), 0o644); err != nil {
		return err
	}
	return l.awaitReport(ctx, reader)
}

// awaitReport passes on what the first process says until it says that all is ready.
func (l Layout) awaitReport(ctx context.Context, reader io.Reader) error {
	result := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			switch kind, text, _ := strings.Cut(lines.Text(), " "); kind {
			case "ready":
				result <- nil
				return
			case "failed":
				result <- errors.New(text)
				return
			default:
				fmt.Println("bed:", lines.Text())
			}
		}
		result <- fmt.Errorf("the first process ended; see %s", l.Log)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Down ends all that runs in the bed and removes its files but the logs. It is no error if there
// is nothing.
func (l Layout) Down() error {
	if pid := l.pid(); pid != 0 {
		// The kernel ends the rest: no process outlives the first of its namespace, and it is gone
		// only when all of them are.
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		for range 300 {
			if l.pid() == 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if l.pid() != 0 {
			return fmt.Errorf("process %d does not end", pid)
		}
	}
	return l.clean()
}

func (l Layout) clean() error {
	if err := l.removeCgroups(); err != nil {
		return err
	}
	return os.RemoveAll(l.Run)
}

func (l Layout) pidFile() string { return l.run("init.pid") }

// pid is the first process's as seen from here, or 0 if it is not running.
func (l Layout) pid() int {
	content, err := os.ReadFile(l.pidFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(content))
	if err != nil {
		return 0
	}
	// Another process may have the number by now; a zombie's command line is empty.
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.HasSuffix(string(arguments), "\x00"+InitCommand+"\x00") {
		return 0
	}
	return pid
}

// removeCgroups removes the groups of the containers that ran when the bed ended. containerd puts
// them below the name of its own namespace, which all beds share.
func (l Layout) removeCgroups() error {
	const mount, parent = "/sys/fs/cgroup", "k8s.io"
	// One hierarchy, or one per controller.
	parents, err := filepath.Glob(filepath.Join(mount, "*", parent))
	if err != nil {
		return err
	}
	containers, err := filepath.Glob(l.run("containerd-state", "io.containerd.runtime.v2.task", parent, "*"))
	if err != nil {
		return err
	}
	for _, group := range append(parents, filepath.Join(mount, parent)) {
		for _, container := range containers {
			if err := removeCgroup(filepath.Join(group, filepath.Base(container))); err != nil {
				return err
			}
		}
		// Not empty if there is another bed.
		_ = syscall.Rmdir(group)
	}
	return nil
}

// removeCgroup removes a tree of groups; the files in it are the kernel's.
func removeCgroup(group string) error {
	entries, err := os.ReadDir(group)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeCgroup(filepath.Join(group, entry.Name())); err != nil {
				return err
			}
		}
	}
	// A process that just ended is counted a moment longer.
	for range 100 {
		err = syscall.Rmdir(group)
		if !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("cgroup %s: %w", group, err)
	}
	return nil
}

// Command is a program run in the cluster's network, with the administrator's kubeconfig.
func (l Layout) Command(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	enter, err := l.enter("--net")
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, enter[0], append(enter[1:], arguments...)...)
	command.Env = l.environment()
	return command, nil
}

// Exec replaces the calling process by a program in the cluster's network.
func (l Layout) Exec(arguments ...string) error {
	enter, err := l.enter("--net")
	if err != nil {
		return err
	}
	return syscall.Exec(enter[0], append(enter, arguments...), l.environment())
}

// Containerd replaces the calling process by containerd's client, among the cluster's mounts.
func (l Layout) Containerd(arguments ...string) error {
	enter, err := l.enter("--net", "--mount")
	if err != nil {
		return err
	}
	return syscall.Exec(enter[0], append(append(enter, l.ctr()...), arguments...), l.environment())
}

// Load imports an image into the node.
func (l Layout) Load(ctx context.Context, archive string) error {
	archive, err := filepath.Abs(archive)
	if err != nil {
		return err
	}
	return l.images(ctx, "import", archive)
}

// Tag gives an image of the node another name.
func (l Layout) Tag(ctx context.Context, image, name string) error {
	return l.images(ctx, "tag", "--force", image, name)
}

func (l Layout) images(ctx context.Context, arguments ...string) error {
	enter, err := l.enter("--net", "--mount")
	if err != nil {
		return err
	}
	line := append(append(enter[1:], l.ctr()...), "images")
	command := exec.CommandContext(ctx, enter[0], append(line, arguments...)...)
	command.Env = l.environment()
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("images %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return nil
}

func (l Layout) ctr() []string {
	return []string{filepath.Join(l.Bin, "ctr"), "--address", l.socket(), "--namespace", "k8s.io"}
}

// enter begins a command line that runs the rest of it in some of the bed's namespaces. Not
// `ip netns exec`: it mounts /sys anew and hides the cgroups.
func (l Layout) enter(namespaces ...string) ([]string, error) {
	pid := l.pid()
	if pid == 0 {
		return nil, fmt.Errorf("the test bed %q is not up", l.Name)
	}
	line := append([]string{"/usr/bin/nsenter", "--target", strconv.Itoa(pid)}, namespaces...)
	return append(line, "--"), nil
}
