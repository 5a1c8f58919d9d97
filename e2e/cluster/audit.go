package cluster

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"tidegate.dev/e2e/bed"
)

// Asked is something that was asked of the API server and answered, from its audit log. Of a watch
// the beginning is told, too.
type Asked struct {
	Verb  string
	Stage string
	User  struct{ Username string }
	// Object is what it was about.
	Object struct {
		Resource, Subresource, Namespace, Name, APIGroup string
	} `json:"objectRef"`
	Response struct {
		Code    int
		Message string
	} `json:"responseStatus"`
	// Request is what was written.
	Request json.RawMessage `json:"requestObject"`
}

// Changes tells whether it changed something.
func (a Asked) Changes() bool {
	switch a.Verb {
	case "get", "list", "watch":
		return false
	default:
		return a.Response.Code/100 == 2
	}
}

// Resource is the plural name with the subresource, as in a role.
func (a Asked) Resource() string {
	return strings.TrimSuffix(a.Object.Resource+"/"+a.Object.Subresource, "/")
}

// String names the object.
func (a Asked) String() string {
	return a.Verb + " " + a.Resource() + " " + strings.TrimPrefix(a.Object.Namespace+"/"+a.Object.Name, "/")
}

// Mark is a place in the audit log.
type Mark int64

// Now is its end. It needs the test bed.
func Now(t *testing.T) Mark {
	t.Helper()
	info, err := os.Stat(auditLog(t))
	if err != nil {
		t.Fatal(err)
	}
	return Mark(info.Size())
}

func auditLog(t *testing.T) string {
	t.Helper()
	l, err := bed.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	return l.AuditLog()
}

// Since lists what was asked from there on, by whom it may.
func Since(t *testing.T, mark Mark) []Asked {
	t.Helper()
	file, err := os.Open(auditLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(int64(mark), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var all []Asked
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A line without its end is being written.
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		var asked Asked
		if err := json.Unmarshal(line, &asked); err != nil {
			t.Fatalf("audit log: %v in %s", err, line)
		}
		all = append(all, asked)
	}
}

// Account is the user that the release's pods are for the API server.
func (r Release) Account() string {
	return "system:serviceaccount:" + r.Namespace + ":" + r.fullName()
}

// Changed lists what a release has changed from there on, but for its Lease.
func (r Release) Changed(t *testing.T, mark Mark) []Asked {
	t.Helper()
	var changes []Asked
	for _, asked := range Since(t, mark) {
		if asked.User.Username == r.Account() && asked.Stage == "ResponseComplete" && asked.Changes() && asked.Object.Resource != "leases" {
			changes = append(changes, asked)
		}
	}
	return changes
}

// Refused lists what a release was refused from there on, but for what nobody may make in a
// namespace that is going.
func (r Release) Refused(t *testing.T, mark Mark) []Asked {
	t.Helper()
	var refused []Asked
	for _, asked := range Since(t, mark) {
		if asked.User.Username == r.Account() && asked.Response.Code == 403 && !asked.Going() {
			refused = append(refused, asked)
		}
	}
	return refused
}

// Going tells whether it was refused because its namespace is being deleted.
func (a Asked) Going() bool { return strings.Contains(a.Response.Message, "is being terminated") }
