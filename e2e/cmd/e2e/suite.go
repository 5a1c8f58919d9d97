package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tidegate.dev/e2e/cluster"
)

// suite is packages of tests, compiled before there is a cluster: its network leads nowhere.
type suite struct {
	directory string
	packages  []string
	filter    string
}

func compile(ctx context.Context, packages []string, filter string) (*suite, error) {
	directory, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		return nil, err
	}
	s := &suite{directory, packages, filter}
	arguments := []string{"test", "-c", "-o", directory + "/"}
	for _, name := range packages {
		arguments = append(arguments, "./tests/"+name)
	}
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir, command.Stderr = filepath.Join(cluster.Root(), "e2e"), os.Stderr
	if err := command.Run(); err != nil {
		s.remove()
		return nil, fmt.Errorf("compiling the tests: %w", err)
	}
	return s, nil
}

func (s *suite) remove() { os.RemoveAll(s.directory) }

// run runs one package after another: they share a cluster.
func (s *suite) run(ctx context.Context, c target) error {
	var failed []string
	started, count := time.Now(), 0
	for _, name := range s.packages {
		if ctx.Err() != nil {
			break
		}
		results, err := s.runPackage(ctx, c, name)
		count += len(results.ended)
		if err != nil {
			return err
		}
		failed = append(failed, results.failed...)
	}
	fmt.Printf("e2e: %d tests in %.0f s, %d failed\n", count, time.Since(started).Seconds(), len(failed))
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	if count == 0 {
		return errors.New("no test matches")
	}
	return nil
}

func (s *suite) runPackage(ctx context.Context, c target, name string) (*results, error) {
	r := &results{pkg: name}
	log, err := os.Create(filepath.Join(cluster.Current().Build, name+".log"))
	if err != nil {
		return r, err
	}
	defer log.Close()
	binary := filepath.Join(s.directory, name+".test")
	arguments := []string{"go", "tool", "test2json", "-t", binary, "-test.v=test2json", "-test.timeout=60m", "-test.run=" + s.filter}
	if without := c.without(); len(without) > 0 {
		arguments = append(arguments, "-test.skip=^("+strings.Join(without, "|")+")$")
	}
	tests, err := c.command(ctx, arguments...)
	if err != nil {
		return r, err
	}
	tests.Dir = filepath.Join(cluster.Root(), "e2e", "tests", name)
	tests.Stderr = os.Stderr
	// Asked first, so that they can put their own things in order.
	tests.Cancel = func() error { return tests.Process.Signal(syscall.SIGTERM) }
	tests.WaitDelay = 20 * time.Second
	events, err := tests.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := tests.Start(); err != nil {
		return r, err
	}
	read := r.read(io.TeeReader(events, log))
	err = tests.Wait()
	if err == nil {
		err = read
	}
	r.finish(err)
	return r, nil
}
