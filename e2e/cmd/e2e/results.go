package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is a line of `go tool test2json`.
type event struct {
	Action, Test, Output, Key, Value string
	Elapsed                          float64
}

// results are those of one package.
type results struct {
	pkg    string
	ended  map[string]bool
	begun  []string
	failed []string
	output map[string]*strings.Builder
	result map[string]string
}

// read prints a line for each test that ends, and what it said if it did not pass.
func (r *results) read(from io.Reader) error {
	r.ended, r.output, r.result = map[string]bool{}, map[string]*strings.Builder{}, map[string]string{}
	events := json.NewDecoder(from)
	for {
		var e event
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.take(e)
	}
}

func (r *results) take(e event) {
	// Parts of a test belong to it.
	test, _, part := strings.Cut(e.Test, "/")
	if r.output[test] == nil {
		r.output[test] = &strings.Builder{}
	}
	switch e.Action {
	case "run":
		if !part {
			r.begun = append(r.begun, test)
		}
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			r.output[test].WriteString(e.Output)
		}
	case "attr":
		if e.Key == "result" {
			r.result[test] = e.Value
		}
	case "pass", "fail", "skip":
		if !part && test != "" {
			r.line(test, e)
		}
	}
}

func (r *results) line(test string, e event) {
	name := r.pkg + "/" + test
	r.ended[test] = true
	fmt.Printf("%-4s  %-60s %6.1f s  %s\n", map[string]string{"pass": "ok", "fail": "FAIL", "skip": "SKIP"}[e.Action], name, e.Elapsed, r.result[test])
	if e.Action != "pass" {
		// A test that is skipped has shown nothing.
		r.failed = append(r.failed, name)
		r.print(test)
	}
}

func (r *results) print(test string) {
	if output := r.output[test]; output != nil {
		fmt.Print("      ", strings.ReplaceAll(strings.TrimRight(output.String(), "\n"), "\n", "\n      "), "\n")
	}
}

// finish finds tests that began and did not end, and a failure that is none of a test.
func (r *results) finish(err error) {
	for _, test := range r.begun {
		if !r.ended[test] {
			r.line(test, event{Action: "fail"})
		}
	}
	if err != nil && len(r.failed) == 0 {
		fmt.Printf("FAIL  %s: %v\n", r.pkg, err)
		r.failed = append(r.failed, r.pkg)
	}
	if err != nil {
		r.print("")
	}
}
