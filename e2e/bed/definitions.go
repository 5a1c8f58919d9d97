package bed

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const prometheusOperator = "github.com/prometheus-operator/prometheus-operator@v0.85.0"

// Definitions lists the files of CRDs: of a channel of Gateway API (standard, experimental) in the
// version that conformance/go.mod pins, or those of the Prometheus operator that the chart can use
// (servicemonitors). source is the directory e2e/.
func Definitions(ctx context.Context, source, which string) ([]string, error) {
	switch which {
	case "standard", "experimental":
		output, err := goCommand(ctx, filepath.Join(source, "conformance"), "mod", "download", "-json", "sigs.k8s.io/gateway-api")
		if err != nil {
			return nil, err
		}
		return moduleFiles(output, "config", "crd", which, "*k8s.io_*.yaml")
	case "servicemonitors":
		output, err := goCommand(ctx, os.TempDir(), "mod", "download", "-json", prometheusOperator)
		if err != nil {
			return nil, err
		}
		return moduleFiles(output, "example", "prometheus-operator-crd", "*_servicemonitors.yaml")
	default:
		return nil, fmt.Errorf("no CRDs are called %q: standard, experimental or servicemonitors", which)
	}
}

// moduleFiles finds files in a module that `go mod download -json` tells of.
func moduleFiles(download []byte, elements ...string) ([]string, error) {
	var module struct{ Dir string }
	if err := json.Unmarshal(download, &module); err != nil {
		return nil, err
	}
	pattern := filepath.Join(append([]string{module.Dir}, elements...)...)
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no files %s", pattern)
	}
	return found, err
}

func goCommand(ctx context.Context, directory string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = directory
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=auto")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(arguments, " "), err)
	}
	return output, nil
}
