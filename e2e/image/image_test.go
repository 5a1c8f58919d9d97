package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type entry struct {
	mode    int64
	content string
}

func unpack(t *testing.T, archive []byte) map[string]entry {
	t.Helper()
	entries := map[string]entry{}
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		entries[header.Name] = entry{header.Mode, string(content)}
	}
}

func write(t *testing.T) []byte {
	t.Helper()
	directory := t.TempDir()
	program, list := filepath.Join(directory, "program"), filepath.Join(directory, "list")
	for file, content := range map[string]string{program: "runs", list: "trusted"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	archive := filepath.Join(directory, "image.tar")
	err := Image{
		Name: "example.com/image:1", Architecture: "arm64", User: "65532:65532", Labels: map[string]string{"a": "b"},
		Files: []File{{program, "/bin/program", 0o755}, {list, "/etc/ssl/list", 0o644}},
	}.Write(archive)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWhatIsWritten(t *testing.T) {
	all := unpack(t, write(t))
	var manifests []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal([]byte(all["manifest.json"].content), &manifests); err != nil {
		t.Fatal(err)
	}
	manifest := manifests[0]
	if manifest.RepoTags[0] != "example.com/image:1" {
		t.Errorf("tags %v", manifest.RepoTags)
	}
	var config struct {
		Architecture, OS string
		Config           struct {
			Entrypoint, Env []string
			User            string
			Labels          map[string]string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal([]byte(all[manifest.Config].content), &config); err != nil {
		t.Fatal(err)
	}
	if config.Architecture != "arm64" || config.OS != "linux" || config.Config.User != "65532:65532" ||
		config.Config.Entrypoint[0] != "/bin/program" || config.Config.Labels["a"] != "b" {
		t.Errorf("config %+v", config)
	}
	layer := all[manifest.Layers[0]].content
	if want := "sha256:" + digest([]byte(layer)); config.RootFS.DiffIDs[0] != want {
		t.Errorf("layer is called %s, is %s", config.RootFS.DiffIDs[0], want)
	}
	files := unpack(t, []byte(layer))
	for name, want := range map[string]entry{
		"bin/":         {0o755, ""},
		"bin/program":  {0o755, "runs"},
		"etc/":         {0o755, ""},
		"etc/ssl/":     {0o755, ""},
		"etc/ssl/list": {0o644, "trusted"},
	} {
		if got, ok := files[name]; !ok || got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if len(files) != 5 {
		t.Errorf("files %v", files)
	}
}

func TestSameFilesGiveTheSameImage(t *testing.T) {
	if !bytes.Equal(write(t), write(t)) {
		t.Error("two archives differ")
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	err := Image{Name: "a:b", Files: []File{{missing, "/x", 0o755}}}.Write(missing + ".tar")
	if err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
}
