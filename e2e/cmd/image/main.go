// Command image writes Tidegate's container image from a static binary.
//
//	image BINARY ARCHIVE.tar NAME:TAG [KEY=VALUE...]
package main

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"strings"

	"tidegate.dev/e2e/image"
)

// The trust store for targets that are reached by HTTPS; there is nothing else in the image.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 3 {
		return errors.New("usage: image BINARY ARCHIVE.tar NAME:TAG [LABEL=VALUE...]")
	}
	binary, archive, name := arguments[0], arguments[1], arguments[2]
	architecture, err := inspect(binary)
	if err != nil {
		return err
	}
	labels := map[string]string{}
	for _, label := range arguments[3:] {
		key, value, ok := strings.Cut(label, "=")
		if !ok {
			return fmt.Errorf("%q is no LABEL=VALUE", label)
		}
		labels[key] = value
	}
	store := cmp.Or(os.Getenv("SSL_CERT_FILE"), certificates)
	return image.Image{
		Name:         name,
		Architecture: architecture,
		User:         "65532:65532",
		Labels:       labels,
		Files: []image.File{
			{Source: binary, Target: "/tidegate", Mode: 0o755},
			{Source: store, Target: certificates, Mode: 0o644},
		},
	}.Write(archive)
}

// inspect finds what machine the program is for, and refuses one that needs a loader: the image
// has none.
func inspect(binary string) (string, error) {
	program, err := elf.Open(binary)
	if err != nil {
		return "", err
	}
	defer program.Close()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is not static", binary)
		}
	}
	switch program.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	default:
		return "", fmt.Errorf("%s is for %s, which has no image", binary, program.Machine)
	}
}
