package chart

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// heading of docs/permissions.md below which the rules of a role are.
var headings = map[string]string{
	"ClusterRole tidegate-system-tidegate":  "Everywhere in any case",
	"Role tidegate-system-tidegate in shop": "Everywhere, or with `watchNamespaces` in those namespaces",
	"Role tidegate in tidegate-system":      "In its own namespace",
}

// docs/permissions.md has every rule of the chart, and no other.
func TestEveryPermissionIsExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	objects := render(t, "tidegate", "--set", "watchNamespaces={shop}")
	for role, heading := range headings {
		_, section, found := strings.Cut(string(page), "\n## "+heading+"\n")
		if !found {
			t.Fatalf("no heading %q", heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		explained, granted := rows(section), rules(t, find(t, objects, role))
		if len(granted) == 0 {
			t.Errorf("%s grants nothing", role)
		}
		t.Run(role, func(t *testing.T) { expect(t, explained, granted) })
	}
}

var row = regexp.MustCompile("(?m)^\\| (core|`[^`]*`) \\| ([^|]*) \\| ([a-z, ]*) \\| ")

// rows are those of tables: group, resources, names and verbs.
func rows(section string) []string {
	var all []string
	for _, cells := range row.FindAllStringSubmatch(section, -1) {
		resources, names, _ := strings.Cut(cells[2], " named ")
		all = append(all, strings.ReplaceAll(fmt.Sprintf("%s: %s [%s]: %s", strings.Replace(cells[1], "core", "", 1), resources, names, cells[3]), "`", ""))
	}
	slices.Sort(all)
	return all
}

func rules(t *testing.T, role object) []string {
	t.Helper()
	list := func(value any) string {
		var all []string
		items, _ := value.([]any)
		for _, item := range items {
			all = append(all, item.(string))
		}
		return strings.Join(all, ", ")
	}
	var all []string
	for _, rule := range at(t, role, "rules").([]any) {
		rule := rule.(object)
		all = append(all, fmt.Sprintf("%s: %s [%s]: %s", list(rule["apiGroups"]), list(rule["resources"]), list(rule["resourceNames"]), list(rule["verbs"])))
	}
	return all
}
