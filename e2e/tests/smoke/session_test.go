package smoke

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// carrier is how clients and Tidegate tell each other of a session.
type carrier struct {
	// told is the field of answers, sent that of requests; what is told begins like that.
	told, sent, begins string
	// always is whether each answer tells it, and not only the first of a session.
	always bool
}

var (
	byCookie = carrier{told: "Set-Cookie", sent: "Cookie", begins: "shop-session="}
	byHeader = carrier{told: "X-Session", sent: "X-Session", always: true}
)

const cookieSession = "sessionPersistence: {absoluteTimeout: 1h, cookie: {name: shop-session}}, "

func TestSession(t *testing.T) {
	route := cluster.Route("shop", "web", host, cluster.Ref("shop", 1))
	testSession(t, "smoke-session", byCookie, strings.Replace(route, "{backendRefs:", "{"+cookieSession+"backendRefs:", 1))
}

func TestSessionByHeader(t *testing.T) {
	const session = "sessionPersistence: {type: Header, header: {name: X-Session}}, "
	route := cluster.Route("shop", "web", host, cluster.Ref("shop", 1))
	testSession(t, "smoke-session-header", byHeader, strings.Replace(route, "{backendRefs:", "{"+session+"backendRefs:", 1))
}

// Where the rule says nothing of sessions, the backend does.
func TestSessionOfXBackend(t *testing.T) {
	backend := fmt.Sprintf(xbackend, strings.Replace(fmt.Sprintf(selecting, "shop"), "{", "{"+cookieSession, 1))
	testSession(t, "smoke-session-xbackend", byCookie, backend,
		cluster.Route("shop", "web", host, "{group: gateway.networking.x-k8s.io, kind: XBackend, name: carts}"))
}

// A client with a session meets one pod, whichever replica it asks, until that pod ends.
func testSession(t *testing.T, name string, c carrier, manifests ...string) {
	t.Helper()
	namespace := cluster.Namespace(t, name)
	cluster.Apply(t, namespace, append(manifests, cluster.Gateway("web", cluster.HTTP), cluster.Backends{Name: "shop", Replicas: 3}.Manifest())...)
	cluster.Ready(t, namespace, "shop")
	address := cluster.Addresses(t, namespace, "web")[0]
	var first, session string
	stays := func() error {
		met, told, err := c.ask(address, session)
		if err == nil && (met != first || told != c.again(session)) {
			err = fmt.Errorf("from %s to %s, told %q", first, met, told)
		}
		return err
	}
	// Each replica has to know the route, and all of the pods.
	cluster.Eventually(t, 20*time.Second, func() (err error) {
		if first, session, err = c.ask(address, ""); err != nil {
			return err
		}
		return everywhere(stays)()
	})
	// New clients come to different pods; each stays at its own.
	cluster.Eventually(t, 10*time.Second, func() error {
		other, _, err := c.ask(address, "")
		if err == nil && other == first {
			err = fmt.Errorf("all clients come to %s", other)
		}
		return err
	})
	for range 50 {
		if err := stays(); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Kubectl(t, "delete", "pod", "--namespace", namespace, "--wait=false", first)
	cluster.Eventually(t, 20*time.Second, func() error {
		met, told, err := c.ask(address, session)
		if err == nil && (met == first || told == "" || told == session) {
			err = fmt.Errorf("still at %s, told %q", met, told)
		}
		return err
	})
}

// again is what answers tell who goes on with a session.
func (c carrier) again(session string) string {
	if c.always {
		return session
	}
	return ""
}

// ask asks with a session, or without one; it returns who answered, and what the answer tells of the
// session.
func (c carrier) ask(address, session string) (pod, told string, err error) {
	request := cluster.Request{Address: address, Host: host, Header: http.Header{}}
	if session != "" {
		request.Header.Set(c.sent, session)
	}
	answer, err := cluster.Ask(request)
	told, _, _ = strings.Cut(answer.Header.Get(c.told), ";")
	switch {
	case err != nil:
	case answer.Status != http.StatusOK:
		err = fmt.Errorf("%d: %s", answer.Status, answer.Body)
	case session == "" && told == "" || !strings.HasPrefix(told, c.begins) && told != "":
		err = fmt.Errorf("told %q of a session", told)
	}
	return answer.Backend, told, err
}
