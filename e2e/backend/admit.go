package backend

import (
	"io"
	"net/http"
	"strings"
)

// Where a service is asked whether a request may go on: envoy/service/auth/v3/external_auth.proto.
const admission = "/envoy.service.auth.v3.Authorization/Check"

// admit lets in whoever brings `Authorization: Bearer NAME`, and tells the backend by `X-User: NAME`.
// Others get 401. Either way the client is told by X-Admitted-By who said so.
func (b *Backend) admit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// CheckRequest.attributes.request.http
	asked := field(field(field(body[min(prefix, len(body)):], 1), 4), 2)
	user := ""
	for _, header := range fields(asked, 3) {
		if name, found := strings.CutPrefix(string(field(header, 2)), "Bearer "); found && string(field(header, 1)) == "authorization" {
			user = name
		}
	}
	text := func(number uint64, text string) []byte { return message(number, []byte(text)) }
	option := func(number uint64, name, value string) []byte {
		return message(number, message(1, text(1, name), text(2, value)))
	}
	if user == "" {
		const unauthenticated = 16
		reply(w, message(1, varint(1, unauthenticated)),
			message(2, message(1, varint(1, http.StatusUnauthorized)), option(2, AdmittedBy, b.name), text(3, "Who is there?")))
		return
	}
	reply(w, message(1), message(3, option(2, "x-user", user), option(6, AdmittedBy, b.name)))
}
