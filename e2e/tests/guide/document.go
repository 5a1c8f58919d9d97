// Package guide follows what the project's pages tell a new user of a cluster, word by word.
package guide

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tidegate.dev/e2e/cluster"
)

// block is what stands between lines of three backticks.
type block struct {
	page, language string
	// line is that of the first backticks.
	line int
	text string
}

func (b block) where() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// read returns the blocks of a page; of one of its sections, if that is named.
func read(page, section string) ([]block, error) {
	content, err := os.ReadFile(filepath.Join(cluster.Root(), page))
	if err != nil {
		return nil, err
	}
	var blocks []block
	var inside *block
	counts := section == ""
	for index, line := range strings.Split(string(content), "\n") {
		language, fence := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
		switch {
		case fence && inside != nil:
			if counts {
				blocks = append(blocks, *inside)
			}
			inside = nil
		case fence:
			inside = &block{page: page, language: language, line: index + 1}
		case inside != nil:
			inside.text += line + "\n"
		case section != "" && strings.HasPrefix(line, "## "):
			counts = line == "## "+section
		}
	}
	if inside != nil {
		return nil, fmt.Errorf("%s: a block without an end", inside.where())
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%s: no blocks in section %q", page, section)
	}
	return blocks, nil
}
