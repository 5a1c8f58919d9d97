// Package chart tests what Helm makes of charts/tidegate, without a cluster.
package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"tidegate.dev/e2e/bed"
)

const (
	directory = "../../charts/tidegate"
	namespace = "tidegate-system"
	// As a cluster with Gateway API says.
	gatewayAPI = "--api-versions=gateway.networking.k8s.io/v1/GatewayClass"
)

var helm string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		l, err := bed.NewLayout()
		if err == nil {
			helm, err = l.BuildHelm(context.Background(), "..")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

type object map[string]any

func run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := exec.Command(helm, arguments...)
	// Nothing of the machine's own Helm or cluster has a say.
	home := t.TempDir()
	command.Env = []string{"HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "none")}
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	err := command.Run()
	if err != nil {
		err = errors.New(output.String() + problems.String())
	} else if problems.Len() > 0 {
		err = fmt.Errorf("helm warns: %s", problems.String())
	}
	return output.String(), err
}

func render(t *testing.T, release string, arguments ...string) []object {
	t.Helper()
	line := []string{"template", release, directory, "--namespace", namespace, gatewayAPI}
	output, err := run(t, append(line, arguments...)...)
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	documents := yaml.NewDecoder(strings.NewReader(output))
	for {
		var next object
		if err := documents.Decode(&next); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, output)
		}
		if next != nil {
			all = append(all, next)
		}
	}
}

// at follows keys into an object; a number is an index.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for i, key := range path {
		switch key := key.(type) {
		case string:
			members, ok := value.(object)
			if !ok {
				t.Fatalf("%v: no object at %v", path, path[:i])
			}
			value = members[key]
		case int:
			items, ok := value.([]any)
			if !ok || len(items) <= key {
				t.Fatalf("%v: no item %d at %v", path, key, path[:i])
			}
			value = items[key]
		}
	}
	return value
}

func identity(o object) string {
	metadata, _ := o["metadata"].(object)
	name := fmt.Sprintf("%v %v", o["kind"], metadata["name"])
	if in := metadata["namespace"]; in != nil {
		name += fmt.Sprintf(" in %v", in)
	}
	return name
}

func identities(objects []object) []string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = identity(o)
	}
	slices.Sort(names)
	return names
}

func find(t *testing.T, objects []object, name string) object {
	t.Helper()
	for _, o := range objects {
		if identity(o) == name {
			return o
		}
	}
	t.Fatalf("no %s among %v", name, identities(objects))
	return nil
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestLint(t *testing.T) {
	for _, values := range [][]string{nil, {"--values", "testdata/everything.yaml"}} {
		if _, err := run(t, append([]string{"lint", "--strict", "--quiet", directory}, values...)...); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
}

var always = []string{
	"ClusterRole tidegate-system-tidegate",
	"ClusterRoleBinding tidegate-system-tidegate",
	"CustomResourceDefinition gatewayparameters.tidegate.dev",
	"CustomResourceDefinition upstreams.tidegate.dev",
	"Deployment tidegate in tidegate-system",
	"GatewayClass tidegate",
	"IngressClass tidegate",
	"PodDisruptionBudget tidegate in tidegate-system",
	"Role tidegate in tidegate-system",
	"RoleBinding tidegate in tidegate-system",
	"Service tidegate-replicas in tidegate-system",
	"ServiceAccount tidegate in tidegate-system",
}

func TestObjects(t *testing.T) {
	expect(t, identities(render(t, "tidegate")), slices.Clone(always))
	expect(t, identities(render(t, "tidegate", "--values", "testdata/everything.yaml")), append([]string{
		"HorizontalPodAutoscaler tidegate in tidegate-system",
		"NetworkPolicy tidegate in tidegate-system",
		"Role tidegate-system-tidegate in default",
		"Role tidegate-system-tidegate in shop",
		"Role tidegate-system-tidegate in stock",
		"RoleBinding tidegate-system-tidegate in default",
		"RoleBinding tidegate-system-tidegate in shop",
		"RoleBinding tidegate-system-tidegate in stock",
		"ServiceMonitor tidegate in tidegate-system",
	}, always...))
}

func TestTwoReleasesShareNothingButTheDefinitions(t *testing.T) {
	first := identities(render(t, "tidegate"))
	second := identities(render(t, "other", "--set", "gatewayClass.name=other,controllerName=example.com/other"))
	var shared []string
	for _, name := range first {
		if slices.Contains(second, name) {
			shared = append(shared, name)
		}
	}
	expect(t, shared, []string{
		"CustomResourceDefinition gatewayparameters.tidegate.dev",
		"CustomResourceDefinition upstreams.tidegate.dev",
	})
}

func TestDefinitionsStay(t *testing.T) {
	crd := find(t, render(t, "tidegate"), "CustomResourceDefinition upstreams.tidegate.dev")
	if got := at(t, crd, "metadata", "annotations", "helm.sh/resource-policy"); got != "keep" {
		t.Errorf("resource policy %v", got)
	}
	for _, name := range identities(render(t, "tidegate", "--set", "crds.install=false")) {
		if strings.HasPrefix(name, "CustomResourceDefinition") {
			t.Errorf("%s is installed", name)
		}
	}
}

func TestWithoutGatewayAPIThereIsNoClass(t *testing.T) {
	output, err := run(t, "template", "tidegate", directory)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(output, "kind: GatewayClass") {
		t.Error("a GatewayClass would fail the installation")
	}
}

func TestParametersOfTheClass(t *testing.T) {
	class := func(set string) any {
		return at(t, find(t, render(t, "tidegate", "--set", set), "GatewayClass tidegate"), "spec")
	}
	for _, c := range []struct{ set, want string }{
		{"replicaCount=1", "map[controllerName:tidegate.dev/gateway-controller]"},
		{"gatewayClass.parametersRef.name=edge", "map[controllerName:tidegate.dev/gateway-controller " +
			"parametersRef:map[group:tidegate.dev kind:GatewayParameters name:edge namespace:tidegate-system]]"},
		{"gatewayClass.parametersRef.name=edge,gatewayClass.parametersRef.namespace=infra", "map[controllerName:tidegate.dev/gateway-controller " +
			"parametersRef:map[group:tidegate.dev kind:GatewayParameters name:edge namespace:infra]]"},
	} {
		if got := fmt.Sprint(class(c.set)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.set, got, c.want)
		}
	}
}

func TestIngressClass(t *testing.T) {
	for _, c := range []struct{ set, name, annotations, spec, argument string }{
		{"replicaCount=1", "tidegate", "<nil>", "map[controller:tidegate.dev/ingress-controller]", "tidegate.dev/ingress-controller"},
		{"gatewayClass.name=other,controllerName=example.com/other", "other", "<nil>", "map[controller:example.com/other]", "example.com/other"},
		{"ingressClass.name=web,ingressClass.default=true,ingressClass.controller=example.com/web,ingressClass.parametersRef.name=edge", "web",
			"map[ingressclass.kubernetes.io/is-default-class:true]", "map[controller:example.com/web parameters:map[apiGroup:tidegate.dev " +
				"kind:GatewayParameters name:edge namespace:tidegate-system scope:Namespace]]", "example.com/web"},
	} {
		objects := render(t, "tidegate", "--set", c.set)
		class := find(t, objects, "IngressClass "+c.name)
		metadata := at(t, class, "metadata").(object)
		if got := fmt.Sprint(metadata["annotations"]); got != c.annotations {
			t.Errorf("%s: annotations %s, want %s", c.set, got, c.annotations)
		}
		if got := fmt.Sprint(at(t, class, "spec")); got != c.spec {
			t.Errorf("%s: got %s, want %s", c.set, got, c.spec)
		}
		deployment := find(t, objects, "Deployment tidegate in tidegate-system")
		arguments := at(t, deployment, "spec", "template", "spec", "containers", 0, "args").([]any)
		if !slices.Contains(arguments, any("--ingress-controller-name="+c.argument)) {
			t.Errorf("%s leads to %v", c.set, arguments)
		}
	}
	for _, name := range identities(render(t, "tidegate", "--set", "ingressClass.enabled=false")) {
		if strings.HasPrefix(name, "IngressClass") {
			t.Errorf("%s is made", name)
		}
	}
}

func TestRestrictedPods(t *testing.T) {
	pod := at(t, find(t, render(t, "tidegate"), "Deployment tidegate in tidegate-system"), "spec", "template", "spec")
	container := at(t, pod, "containers", 0)
	for _, check := range []struct {
		got, want any
	}{
		{at(t, pod, "securityContext", "runAsNonRoot"), true},
		{at(t, pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault"},
		{at(t, container, "securityContext", "allowPrivilegeEscalation"), false},
		{at(t, container, "securityContext", "readOnlyRootFilesystem"), true},
		{at(t, container, "securityContext", "capabilities", "drop", 0), "ALL"},
	} {
		if check.got != check.want {
			t.Errorf("got %v, want %v in %v", check.got, check.want, pod)
		}
	}
}

func TestDrain(t *testing.T) {
	objects := render(t, "tidegate", "--set", "drain.minSeconds=20,drain.maxSeconds=300")
	deployment := find(t, objects, "Deployment tidegate in tidegate-system")
	if got := at(t, deployment, "spec", "template", "spec", "terminationGracePeriodSeconds"); got != 310 {
		t.Errorf("grace period %v", got)
	}
	arguments := at(t, deployment, "spec", "template", "spec", "containers", 0, "args").([]any)
	for _, want := range []string{"--drain-min=20s", "--drain-max=300s"} {
		if !slices.Contains(arguments, any(want)) {
			t.Errorf("no %s in %v", want, arguments)
		}
	}
	if got := at(t, deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable"); got != 0 {
		t.Errorf("maxUnavailable %v", got)
	}
}

// With watchNamespaces nothing namespaced may be read elsewhere.
func TestWatchedNamespaces(t *testing.T) {
	objects := render(t, "tidegate", "--set", "watchNamespaces={shop,stock}")
	role := find(t, objects, "ClusterRole tidegate-system-tidegate")
	var resources []string
	for _, rule := range at(t, role, "rules").([]any) {
		for _, resource := range at(t, rule, "resources").([]any) {
			resources = append(resources, resource.(string))
		}
	}
	slices.Sort(resources)
	expect(t, resources, []string{"clustertrustbundles", "gatewayclasses", "gatewayclasses/status", "ingressclasses", "namespaces"})

	everywhere := at(t, find(t, render(t, "tidegate"), "ClusterRole tidegate-system-tidegate"), "rules").([]any)
	there := at(t, find(t, objects, "Role tidegate-system-tidegate in shop"), "rules").([]any)
	if got, want := fmt.Sprint(there), fmt.Sprint(everywhere[5:]); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}

	// Where Events about GatewayClasses are: a Role for nothing else, and none beside that of a
	// watched namespace.
	in := "Role tidegate-system-tidegate in default"
	if got, want := fmt.Sprint(at(t, find(t, objects, in), "rules")), "[map[apiGroups:[events.k8s.io] resources:[events] verbs:[create]]]"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	watched := identities(render(t, "tidegate", "--set", "watchNamespaces={shop,default}"))
	if n := len(slices.DeleteFunc(watched, func(name string) bool { return name != in })); n != 1 {
		t.Errorf("%d times %s", n, in)
	}
}

// YAML makes a number of a share and a boolean of a bare off.
func TestAccessLog(t *testing.T) {
	for value, want := range map[string]string{"off": "off", "0": "off", "0.01": "0.01", "1": "1", `"0.5"`: "0.5", "full": "full"} {
		file := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(file, []byte("accessLog: "+value), 0o644); err != nil {
			t.Fatal(err)
		}
		deployment := find(t, render(t, "tidegate", "--values", file), "Deployment tidegate in tidegate-system")
		arguments := at(t, deployment, "spec", "template", "spec", "containers", 0, "args").([]any)
		if !slices.Contains(arguments, any("--access-log="+want)) {
			t.Errorf("accessLog: %s leads to %v", value, arguments)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	for _, c := range []struct{ set, says string }{
		{"replicaCount=0", "replicaCount"},
		{"replicas=3", "replicas"},
		{"image.pullPolicy=Sometimes", "pullPolicy"},
		{"controllerName=tidegate", "controllerName"},
		{"watchNamespaces={Shop}", "watchNamespaces"},
		{"accessLog=some", "accessLog"},
		{"log.level=loud", "level"},
		{"trustedCIDRs={example.com/8}", "trustedCIDRs"},
		{"gatewayClass.parametersRef.name=Edge", "parametersRef"},
		{"ingressClass.controller=tidegate", "controller"},
		{"ingressClass.create=true", "create"},
		{"drain.minSeconds=90", "drain.minSeconds must not be more"},
	} {
		_, err := run(t, "template", "tidegate", directory, "--set", c.set)
		if err == nil {
			t.Errorf("%s is accepted", c.set)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the message does not name %s: %v", c.set, c.says, err)
		}
	}
}
