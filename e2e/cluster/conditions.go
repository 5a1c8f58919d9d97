package cluster

import "testing"

// ConditionOf is a condition of an object, or of a route as to its first parent.
type ConditionOf struct {
	Type, Status, Reason, Message string
	ObservedGeneration            int64
	LastTransitionTime            string
}

// Condition reads one; it is zero if there is none of that type.
func Condition(t *testing.T, namespace, object, kind string) ConditionOf {
	t.Helper()
	var status struct {
		Status struct {
			Conditions []ConditionOf
			Parents    []struct{ Conditions []ConditionOf }
		}
	}
	Get(t, &status, "--namespace", namespace, object)
	all := status.Status.Conditions
	for _, parent := range status.Status.Parents {
		all = append(all, parent.Conditions...)
	}
	for _, condition := range all {
		if condition.Type == kind {
			return condition
		}
	}
	return ConditionOf{}
}

// ListenerCondition reads one of a Gateway's listener.
func ListenerCondition(t *testing.T, namespace, gateway, listener, kind string) ConditionOf {
	t.Helper()
	var status struct {
		Status struct {
			Listeners []struct {
				Name       string
				Conditions []ConditionOf
			}
		}
	}
	Get(t, &status, "--namespace", namespace, "gateway/"+gateway)
	for _, l := range status.Status.Listeners {
		for _, condition := range l.Conditions {
			if l.Name == listener && condition.Type == kind {
				return condition
			}
		}
	}
	return ConditionOf{}
}
