package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// processes starts and reaps. It is for the first process of a process namespace only: every
// orphan becomes its child, such as the shims of containers, and all are waited for here.
type processes struct {
	layout Layout

	mu      sync.Mutex
	running map[string]int
}

func newProcesses(l Layout) *processes {
	p := &processes{layout: l, running: map[string]int{}}
	go p.reap()
	return p
}

func (p *processes) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			// No child yet, or none left.
			time.Sleep(20 * time.Millisecond)
		default:
			p.ended(pid, status)
		}
	}
}

func (p *processes) ended(pid int, status syscall.WaitStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, known := range p.running {
		if known == pid {
			delete(p.running, name)
			fmt.Fprintf(os.Stderr, "%s ended: exit code %d, signal %v\n", name, status.ExitStatus(), status.Signal())
		}
	}
}

// start runs a program with its output in a file of its name.
func (p *processes) start(name string, arguments ...string) error {
	path, err := p.find(arguments[0])
	if err != nil {
		return err
	}
	output, err := os.OpenFile(filepath.Join(p.layout.Log, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	// Held over the start, so that not even one that ends at once is reaped unknown.
	p.mu.Lock()
	defer p.mu.Unlock()
	process, err := os.StartProcess(path, arguments, &os.ProcAttr{
		Env:   p.layout.environment(),
		Files: []*os.File{nil, output, output},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.running[name] = process.Pid
	return process.Release()
}

// find prefers the bed's own programs to Debian's.
func (p *processes) find(program string) (string, error) {
	for _, directory := range []string{p.layout.Bin, "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		path := filepath.Join(directory, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is neither in %s nor in /usr", program, p.layout.Bin)
}

// run starts a program and waits until it ended well.
func (p *processes) run(ctx context.Context, name string, arguments ...string) error {
	// Its exit code is reaped with all the others, so success is a file that it leaves.
	done := p.layout.run(name + ".done")
	script := []string{"sh", "-ec", `done=$1; shift; "$@"; : >"$done"`, name, done}
	if err := p.start(name, append(script, arguments...)...); err != nil {
		return err
	}
	return p.until(ctx, name, func() error {
		if _, err := os.Stat(done); err == nil {
			return nil
		}
		if !p.alive(name) {
			if _, err := os.Stat(done); err == nil {
				return nil
			}
			return fatal{fmt.Errorf("%s failed", name)}
		}
		return errors.New("still running")
	})
}

func (p *processes) alive(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.running[name]
	return ok
}

// signal sends to a process that was started under this name.
func (p *processes) signal(name string, signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, ok := p.running[name]
	if !ok {
		return fmt.Errorf("%s is not running", name)
	}
	return syscall.Kill(pid, signal)
}

// startWithin is for a machine that does other things too; alone it takes 10 s.
const startWithin = 3 * time.Minute

// fatal is an error that no further try can mend.
type fatal struct{ error }

// until tries until it succeeds.
func (p *processes) until(ctx context.Context, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		err := try()
		var stop fatal
		switch {
		case err == nil:
			return nil
		case errors.As(err, &stop):
			return fmt.Errorf("%w; see %s", stop.error, p.layout.Log)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w; see %s", what, err, p.layout.Log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
