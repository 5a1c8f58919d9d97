package cluster

import "errors"

// RemoveAll removes the usual release and the namespaces of tests.
func RemoveAll() error {
	_, release := Try("", "helm", "uninstall", Usual.Name, "--namespace", Usual.Namespace, "--ignore-not-found", "--wait")
	_, own := Try("", "kubectl", "delete", "namespace", Usual.Namespace, "--ignore-not-found")
	_, tests := Try("", "kubectl", "delete", "namespace", "--selector", Label)
	return errors.Join(release, own, tests)
}
