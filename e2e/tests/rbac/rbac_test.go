// Package rbac compares what the chart grants with what was really asked for, by the API server's
// audit log of all tests before it.
package rbac

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"tidegate.dev/e2e/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// right is one verb for one kind, everywhere or in one namespace.
type right struct{ namespace, group, resource, verb string }

func (r right) String() string {
	where := "everywhere"
	if r.namespace != "" {
		where = "in " + r.namespace
	}
	return fmt.Sprintf("%s %s (%s) %s", r.verb, r.resource, r.group, where)
}

// role is a Role or a ClusterRole.
type role struct {
	Rules []struct{ APIGroups, Resources, Verbs []string }
}

// granted lists what the usual release's account may do.
func granted(t *testing.T) map[right]bool {
	t.Helper()
	all := map[right]bool{}
	add := func(namespace string, r role) {
		for _, rule := range r.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						all[right{namespace, group, resource, verb}] = true
					}
				}
			}
		}
	}
	var bindings struct {
		Items []struct {
			Kind     string
			Metadata struct{ Namespace string }
			RoleRef  struct{ Kind, Name string }
			Subjects []struct{ Kind, Name, Namespace string }
		}
	}
	cluster.Get(t, &bindings, "clusterrolebindings,rolebindings", "--all-namespaces")
	for _, binding := range bindings.Items {
		for _, subject := range binding.Subjects {
			if subject.Kind != "ServiceAccount" || "system:serviceaccount:"+subject.Namespace+":"+subject.Name != cluster.Usual.Account() {
				continue
			}
			var bound role
			arguments := []string{strings.ToLower(binding.RoleRef.Kind) + "/" + binding.RoleRef.Name}
			if binding.Metadata.Namespace != "" {
				arguments = append(arguments, "--namespace", binding.Metadata.Namespace)
			}
			cluster.Get(t, &bound, arguments...)
			add(binding.Metadata.Namespace, bound)
		}
	}
	return all
}

// used sorts what was asked into the rights that it took, and what was refused.
func used(t *testing.T, granted map[right]bool) (used map[right]bool, refused map[string]int) {
	t.Helper()
	used, refused = map[right]bool{}, map[string]int{}
	account, unbound := cluster.Usual.Account(), map[string]bool{}
	for _, asked := range cluster.Since(t, 0) {
		if binds(asked) {
			if asked.Verb == "delete" {
				unbound[asked.Resource()] = true
			} else {
				delete(unbound, asked.Resource())
			}
		}
		if asked.User.Username != account || asked.Object.Resource == "" {
			continue
		}
		if asked.Response.Code == 403 {
			// Pods outlive their rights when the release is uninstalled, and nothing can be made
			// in a namespace that is going.
			if len(unbound) == 0 && !asked.Going() {
				refused[asked.String()]++
			}
			continue
		}
		own := right{asked.Object.Namespace, asked.Object.APIGroup, asked.Resource(), asked.Verb}
		if !granted[own] {
			own.namespace = ""
		}
		used[own] = true
		if asked.Verb == "patch" && asked.Response.Code == 201 {
			// What is applied and was not there takes the right to create it, too.
			own.verb = "create"
			used[own] = true
		}
	}
	return used, refused
}

// binds tells whether the usual release's rights came or went.
func binds(a cluster.Asked) bool {
	if !a.Changes() || a.Stage != "ResponseComplete" {
		return false
	}
	switch a.Object.Resource {
	case "clusterrolebindings":
		return a.Object.Name == cluster.Usual.Namespace+"-"+cluster.Usual.Name
	case "rolebindings":
		return a.Object.Namespace == cluster.Usual.Namespace && a.Object.Name == cluster.Usual.Name
	}
	return false
}

func TestRightsAreThoseThatAreUsed(t *testing.T) {
	granted := granted(t)
	used, refused := used(t, granted)
	for asked, times := range refused {
		t.Errorf("refused %d times: %s", times, asked)
	}
	for _, one := range sorted(used) {
		if !granted[one] {
			t.Errorf("used and not granted: %s", one)
		}
	}
	for _, one := range sorted(granted) {
		if !used[one] {
			t.Errorf("granted and never used: %s", one)
		}
	}
	t.Attr("result", fmt.Sprintf("%d rights", len(granted)))
}

func sorted(rights map[right]bool) []right {
	return slices.SortedFunc(maps.Keys(rights), func(a, b right) int { return strings.Compare(a.String(), b.String()) })
}
