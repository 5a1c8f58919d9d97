// Package conformance runs the official Gateway API suite against the usual release.
package conformance

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"tidegate.dev/e2e/bed"
	"tidegate.dev/e2e/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// count is how many tests of a profile pass: all there are, and all of the features that the
// GatewayClass claims.
type count struct{ core, extended int }

// profiles are those that are promised, with either channel's CRDs: no test needs the experimental ones.
var profiles = map[string]count{
	"GATEWAY-GRPC": {core: 17, extended: 13},
	"GATEWAY-HTTP": {core: 40, extended: 64},
	"GATEWAY-TCP":  {core: 20, extended: 11},
	"GATEWAY-TLS":  {core: 21, extended: 18},
	"GATEWAY-UDP":  {core: 21, extended: 11},
}

// inNoProfile are tests whose features no profile has all of: they run, and no report tells of them.
var inNoProfile = []string{"GRPCRouteNamedRule", "GRPCRouteRequestHeaderModifier", "HTTPRouteDisallowedKind"}

// statistics of a part of a profile in a report.
type statistics struct {
	Statistics struct {
		Passed  int `yaml:"Passed"`
		Skipped int `yaml:"Skipped"`
		Failed  int `yaml:"Failed"`
	}
	FailedTests  []string `yaml:"failedTests"`
	SkippedTests []string `yaml:"skippedTests"`
}

// report is a ConformanceReport.
type report struct {
	Channel  string `yaml:"gatewayAPIChannel"`
	Profiles []struct {
		Name           string
		Core, Extended statistics
	}
}

func TestProfiles(t *testing.T) {
	r, output := runSuite(t)
	var results []string
	seen := map[string]bool{}
	for _, profile := range r.Profiles {
		want, promised := profiles[profile.Name]
		if !promised {
			t.Errorf("%s is in the report and not promised", profile.Name)
		}
		seen[profile.Name] = true
		results = append(results, fmt.Sprintf("%s: core %d/%d, extended %d/%d", profile.Name,
			profile.Core.Statistics.Passed, want.core, profile.Extended.Statistics.Passed, want.extended))
		compare(t, profile.Name+" core", profile.Core, want.core)
		compare(t, profile.Name+" extended", profile.Extended, want.extended)
	}
	for name := range profiles {
		if !seen[name] {
			t.Errorf("no %s in the report", name)
		}
	}
	if channel := cluster.Current().Channel; r.Channel != channel {
		t.Errorf("the report is of the channel %s, not %s", r.Channel, channel)
	}
	for _, name := range inNoProfile {
		if !strings.Contains(output, "--- PASS: TestConformance/"+name+" ") {
			t.Errorf("%s did not pass", name)
		}
	}
	t.Attr("result", strings.Join(results, "; "))
	if t.Failed() {
		t.Log(failures(output))
	}
}

func compare(t *testing.T, name string, got statistics, want int) {
	t.Helper()
	s := got.Statistics
	if s.Passed != want || s.Failed != 0 || s.Skipped != 0 {
		t.Errorf("%s: %d passed, %d failed, %d skipped, want %d passed; failed: %v; skipped: %v",
			name, s.Passed, s.Failed, s.Skipped, want, got.FailedTests, got.SkippedTests)
	}
}

// runSuite returns the suite's report and its output. Both are in build/e2e, the report by the name
// that Gateway API's collection of reports asks for.
func runSuite(t *testing.T) (report, string) {
	t.Helper()
	settings := cluster.Current()
	version := "v" + cluster.Version(t)
	path, err := exec.LookPath("conformance.test")
	if err != nil {
		t.Fatalf("%v: the bed has it in its directory of programs", err)
	}
	var names []string
	for name := range profiles {
		names = append(names, name)
	}
	file := filepath.Join(settings.Build, fmt.Sprintf("%s-%s-default-report.yaml", settings.Channel, version))
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(settings.Build, "conformance-suite.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var output strings.Builder
	// The features are those of the GatewayClass's status.
	suite := exec.CommandContext(context.Background(), path, "-test.v", "-test.run=TestConformance", "-test.timeout=40m",
		"--gateway-class=tidegate", "--conformance-profiles="+strings.Join(names, ","), "--report-output="+file,
		"--organization=tidegate", "--project=tidegate", "--url=https://tidegate.dev", "--version="+version, "--contact=https://tidegate.dev",
		"--usable-address="+cmp.Or(os.Getenv("E2E_USABLE_ADDRESS"), bed.FreeAddress), "--unusable-address=unusable.example.com",
		"--cleanup-base-resources=true")
	suite.Stdout = io.MultiWriter(log, &output)
	suite.Stderr = suite.Stdout
	failed := suite.Run()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no report: %v; %v\n%s", err, failed, failures(output.String()))
	}
	var r report
	if err := yaml.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	if failed != nil {
		t.Errorf("the suite: %v", failed)
	}
	return r, output.String()
}

// failures picks the lines that name tests that failed, and why.
func failures(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, "--- FAIL") || strings.Contains(line, "Error:  ") || strings.Contains(line, "Error Trace:") || strings.Contains(line, "panic:") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	if len(lines) > 60 {
		lines = append(lines[:60], "…")
	}
	return strings.Join(lines, "\n")
}
