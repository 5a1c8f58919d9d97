package smoke

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

//go:embed testdata/decisions.yaml
var decisions string

// standalone is a Tidegate that reads the same manifests from a directory.
const standalone = `apiVersion: v1
kind: Pod
metadata: {name: standalone}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: tidegate
    image: %s
    args: [serve, --source=/manifests, "--admin-address=[::]:9902", "--health-address=[::]:9901"]
    readinessProbe: {httpGet: {path: /readyz, port: 9901}, periodSeconds: 1}
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: manifests, mountPath: /manifests}]
  volumes: [{name: manifests, configMap: {name: manifests}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: manifests}
data:
  decisions.yaml: %s`

type condition struct{ Type, Status, Reason string }

// status is that of any kind, as far as decisions go.
type status struct {
	Conditions []condition
	Listeners  []struct {
		Name           string
		AttachedRoutes int
		SupportedKinds []struct{ Kind string }
		Conditions     []condition
	}
	Parents []struct {
		ParentRef struct {
			Name, SectionName string
			Port              int
		}
		Conditions []condition
	}
}

// decided is what a status says, but for Programmed and AddressesAssigned, which are not decided but done.
func (s status) decided() []string {
	var all []string
	add := func(place string, conditions []condition) {
		for _, c := range conditions {
			if c.Type != "Programmed" && c.Type != "AddressesAssigned" {
				all = append(all, fmt.Sprintf("%s%s=%s (%s)", place, c.Type, c.Status, c.Reason))
			}
		}
	}
	add("", s.Conditions)
	for _, l := range s.Listeners {
		place := "listener " + l.Name + ": "
		all = append(all, fmt.Sprintf("%s%d routes, kinds %v", place, l.AttachedRoutes, l.SupportedKinds))
		add(place, l.Conditions)
	}
	for _, p := range s.Parents {
		add(fmt.Sprintf("parent %s %s %d: ", p.ParentRef.Name, p.ParentRef.SectionName, p.ParentRef.Port), p.Conditions)
	}
	slices.Sort(all)
	return all
}

// What is decided does not depend on where the manifests come from.
func TestStatusesAreThoseOfStandalone(t *testing.T) {
	namespace := cluster.Namespace(t, "smoke-standalone")
	quoted, err := json.Marshal(decisions)
	if err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, namespace, fmt.Sprintf(standalone, cluster.Current().Image, quoted), decisions)
	cluster.Kubectl(t, "wait", "--namespace", namespace, "pod/standalone", "--for=condition=Ready", "--timeout=60s")
	var there struct {
		Objects []struct {
			Kind, Name string
			Status     status
		}
	}
	cluster.Call(t, http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods/standalone:9902/proxy/debug/status", "", "", &there)
	want := map[string][]string{}
	for _, object := range there.Objects {
		want[object.Kind+" "+object.Name] = object.Status.decided()
	}
	if len(want) != 7 {
		t.Fatalf("standalone tells of %v", slices.Sorted(maps.Keys(want)))
	}
	cluster.Eventually(t, 20*time.Second, func() error {
		var here struct {
			Items []struct {
				Kind     string
				Metadata struct{ Name string }
				Status   status
			}
		}
		cluster.Get(t, &here, "gateways,httproutes,upstreams", "--namespace", namespace)
		var differences []string
		for _, item := range here.Items {
			name := item.Kind + " " + item.Metadata.Name
			got := item.Status.decided()
			if !slices.Equal(got, want[name]) || len(got) == 0 {
				differences = append(differences, fmt.Sprintf("%s:\n  cluster    %s\n  standalone %s", name, strings.Join(got, "\n             "), strings.Join(want[name], "\n             ")))
			}
		}
		if len(here.Items) != len(want) || len(differences) > 0 {
			return fmt.Errorf("%d objects\n%s", len(here.Items), strings.Join(differences, "\n"))
		}
		return nil
	})
}
