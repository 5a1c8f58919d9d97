// Package image writes container images without Docker: one layer of files, most of them one
// static program.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
)

// File is one file of an image.
type File struct {
	// Source is where it is on this machine.
	Source string
	// Target is its absolute path in the image.
	Target string
	// Mode is its permissions.
	Mode int64
}

// Image is what is to be written.
type Image struct {
	// Name is the whole name with the tag, such as example.com/name:tag.
	Name string
	// Architecture is Go's name of it, such as amd64. containerd leaves out images without one.
	Architecture string
	// User runs the program, such as 65532:65532.
	User string
	// Labels describe it.
	Labels map[string]string
	// Files are its content; the first one is the program that it runs.
	Files []File
}

// Write makes the archive that `docker load`, `podman load` and `ctr images import` read. The same
// files give the same bytes.
func (i Image) Write(archive string) error {
	if len(i.Files) == 0 {
		return fmt.Errorf("image %s has no files", i.Name)
	}
	layer, err := i.layer()
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": i.Architecture,
		"os":           "linux",
		"config": map[string]any{
			"Entrypoint": []string{i.Files[0].Target},
			"Env":        []string{"PATH=" + path.Dir(i.Files[0].Target)},
			"User":       i.User,
			"Labels":     i.Labels,
			"WorkingDir": "/",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return err
	}
	configName, layerName := digest(config)+".json", digest(layer)+".tar"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{i.Name}, "Layers": []string{layerName},
	}})
	if err != nil {
		return err
	}
	var all bytes.Buffer
	writer := tar.NewWriter(&all)
	for _, part := range []struct {
		name    string
		content []byte
	}{{configName, config}, {layerName, layer}, {"manifest.json", manifest}} {
		if err := add(writer, part.name, 0o644, part.content); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	// Moved into place, so that nobody ever reads half an archive.
	if err := os.WriteFile(archive+".new", all.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(archive+".new", archive)
}

func (i Image) layer() ([]byte, error) {
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	made := map[string]bool{"/": true}
	for _, file := range i.Files {
		content, err := os.ReadFile(file.Source)
		if err != nil {
			return nil, err
		}
		if err := addParents(writer, made, path.Dir(file.Target)); err != nil {
			return nil, err
		}
		if err := add(writer, strings.TrimPrefix(file.Target, "/"), file.Mode, content); err != nil {
			return nil, err
		}
	}
	return layer.Bytes(), writer.Close()
}

func addParents(writer *tar.Writer, made map[string]bool, directory string) error {
	if made[directory] || directory == "." {
		return nil
	}
	made[directory] = true
	if err := addParents(writer, made, path.Dir(directory)); err != nil {
		return err
	}
	name := strings.TrimPrefix(directory, "/") + "/"
	return writer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755})
}

func add(writer *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err := writer.Write(content)
	return err
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
