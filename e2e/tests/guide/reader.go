package guide

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/bed"
	"tidegate.dev/e2e/cluster"
)

// soon is for what should come at once, on a machine that is busy with other things.
const soon = time.Minute

// needed is what the commands use of the project.
var needed = []string{"charts", "manifests"}

var released = regexp.MustCompile(`https://github\.com/kubernetes-sigs/gateway-api/releases/download/(v[0-9.]+)/standard-install\.yaml`)

// reader is somebody with a copy of the project, a shell and a cluster.
type reader struct {
	*testing.T
	directory string
	// definitions stands for what is downloaded: the bed's network leads nowhere.
	definitions, version string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{T: t, directory: t.TempDir()}
	for _, name := range needed {
		if err := os.CopyFS(filepath.Join(r.directory, name), os.DirFS(filepath.Join(cluster.Root(), name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(r.directory, "build"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.download()
	return r
}

// with is the same reader in another test.
func (r *reader) with(t *testing.T) *reader {
	other := *r
	other.T = t
	return &other
}

// download writes one file with Gateway API's CRDs, as a release of it has.
func (r *reader) download() {
	r.Helper()
	files, err := bed.Definitions(r.Context(), filepath.Join(cluster.Root(), "e2e"), "standard")
	if err != nil {
		r.Fatal(err)
	}
	var all bytes.Buffer
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			r.Fatal(err)
		}
		fmt.Fprintf(&all, "---\n%s\n", content)
	}
	r.definitions = filepath.Join(r.TempDir(), "standard-install.yaml")
	if err := os.WriteFile(r.definitions, all.Bytes(), 0o644); err != nil {
		r.Fatal(err)
	}
	_, version, _ := strings.Cut(filepath.ToSlash(files[0]), "gateway-api@")
	r.version, _, _ = strings.Cut(version, "/")
}

// localize puts what the bed has in the place of what is on the Internet.
func (r *reader) localize(b block) string {
	r.Helper()
	return released.ReplaceAllStringFunc(b.text, func(url string) string {
		if version := released.FindStringSubmatch(url)[1]; version != r.version {
			r.Fatalf("%s: Gateway API %s, and the tests have %s", b.where(), version, r.version)
		}
		return r.definitions
	})
}

// follow does what a page says: it runs its commands in order and compares what they print with
// what is shown, tries its manifests, and leaves out what is no command of this machine.
func (r *reader) follow(page, section string) {
	r.Helper()
	blocks, err := read(page, section)
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(blocks); i++ {
		b := blocks[i]
		switch b.language {
		case "sh":
			var shown *block
			if i+1 < len(blocks) && blocks[i+1].language == "text" {
				shown, i = &blocks[i+1], i+1
			}
			r.run(b, shown)
		case "yaml":
			r.try(b)
		case "console":
			// Of a machine or a cluster that others have.
		default:
			r.Fatalf("%s: nobody checks a block of language %q", b.where(), b.language)
		}
	}
}

// run repeats commands until they print what is shown, if anything is: what was changed just before
// may still be on its way.
func (r *reader) run(b block, shown *block) {
	r.Helper()
	deadline := time.Now().Add(soon)
	for {
		printed, err := r.shell(r.localize(b))
		if err == nil && (shown == nil || printed == shown.text) {
			return
		}
		if shown == nil {
			r.Fatalf("%s: %v\n%s%s", b.where(), err, b.text, printed)
		}
		if time.Now().After(deadline) {
			r.Fatalf("%s: %v\n%sprints\n%sand not\n%s", b.where(), err, b.text, printed, shown.text)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// shell runs commands in the reader's directory. Variables stay from one block to the next.
func (r *reader) shell(commands string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	state := filepath.Join(r.directory, ".variables")
	script := fmt.Sprintf("if [ -e %[1]q ]; then . %[1]q; fi\n%[2]s\n", state, commands)
	for _, name := range variables(commands) {
		script += fmt.Sprintf("declare -p %s >> %q\n", name, state)
	}
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	command.Dir = r.directory
	command.Env = append(os.Environ(), "no_proxy=*", "HOME="+r.directory)
	output, err := command.CombinedOutput()
	return string(output), err
}

var assigned = regexp.MustCompile(`(?m)^([a-z_]+)=`)

func variables(commands string) []string {
	var names []string
	for _, match := range assigned.FindAllStringSubmatch(commands, -1) {
		names = append(names, match[1])
	}
	return names
}

// try asks whether the API server would take a manifest, or Helm the values.
func (r *reader) try(b block) {
	r.Helper()
	file := filepath.Join(r.directory, ".yaml")
	if err := os.WriteFile(file, []byte(b.text), 0o644); err != nil {
		r.Fatal(err)
	}
	commands := "helm template tidegate charts/tidegate --namespace tidegate-system --values .yaml"
	if strings.Contains(b.text, "apiVersion:") {
		commands = "kubectl apply --dry-run=server --filename .yaml"
	}
	if printed, err := r.shell(commands); err != nil {
		r.Fatalf("%s: %v\n%s", b.where(), err, printed)
	}
}
