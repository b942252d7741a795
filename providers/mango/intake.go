package mango

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Intake implements providers.Intake: what the provider posts to the address of the
// external system. It is answered 200 once it was understood; what it says matters
// to nobody.
func (c *client) Intake() http.Handler { return http.HandlerFunc(c.take) }

func (c *client) take(w http.ResponseWriter, r *http.Request) {
	path := noticePath(r.URL.Path)
	label := providers.Label{Method: path, Secrets: []string{c.set.Key, c.set.Salt}}
	status, fault := c.accept(w, r, path)
	label.Fault = fault
	providers.Named(r.Context(), label)
	if status != http.StatusOK {
		c.log.Warn("a notice of the provider was refused: "+fault, "path", path, "status", status)
	}
	writeJSON(w, status, map[string]bool{"success": status == http.StatusOK})
}

// noticePath is the path of a notice, whatever stands before it.
func noticePath(path string) string {
	path = methodOf(path)
	for _, known := range []string{"events/", pathResult} {
		if i := strings.Index("/"+path, "/"+known); i >= 0 {
			return path[i:]
		}
	}
	if path == pathPing || strings.HasSuffix(path, "/"+pathPing) {
		return pathPing
	}
	return path
}

// accept judges and takes a notice; fault says what is wrong with it.
func (c *client) accept(w http.ResponseWriter, r *http.Request, path string) (status int, fault string) {
	if !c.fromProvider(r.RemoteAddr) {
		return http.StatusForbidden, "it comes from an address that is not among sources"
	}
	if path == pathPing { // the cabinet looks whether anybody is there
		return http.StatusOK, ""
	}
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "it is no POST"
	}
	f, err := readForm(r.Header.Get("Content-Type"), http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long) || errors.Is(err, errTooLong):
		return http.StatusRequestEntityTooLarge, "it is too long"
	case err != nil:
		return http.StatusUnsupportedMediaType, "it is no form"
	case f.Key != c.set.Key:
		return http.StatusForbidden, "it bears another key"
	case !signed(f.Sign, f.Key, f.JSON, []string{c.set.Salt}):
		return http.StatusForbidden, "its signature is wrong"
	}
	if err := c.dispatch(path, f); err != nil {
		return http.StatusBadRequest, "its json cannot be read"
	}
	return http.StatusOK, ""
}

func (c *client) fromProvider(remote string) bool {
	if len(c.sources) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.sources, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap()) })
}

// dispatch brings a notice to its call. Kinds that nobody needs are taken and forgotten.
func (c *client) dispatch(path string, f form) error {
	switch {
	case path == pathCall:
		return hear(c, f, func(n callNotice) (text, text) { return n.Command, n.Entry })
	case path == pathSummary:
		return hear(c, f, func(n summaryNotice) (text, text) { return "", n.Entry })
	case path == pathDTMF:
		return hear(c, f, func(n dtmfNotice) (text, text) { return "", n.Entry })
	case path == pathRecording:
		return hear(c, f, func(n recordingNotice) (text, text) { return "", n.Entry })
	case path == pathRecordAdded:
		return hear(c, f, func(n recordNotice) (text, text) { return "", n.Entry })
	case path == pathStat, path == pathSMS:
		return nil
	case strings.HasPrefix(path, pathResult):
		return hear(c, f, func(n resultNotice) (text, text) { return n.Command, "" })
	}
	return nil
}

// hear reads a notice of one kind and gives it to the book. about names the command
// and the call that it is about.
func hear[N any](c *client, f form, about func(N) (command, entry text)) error {
	var n N
	if err := f.parse(&n); err != nil {
		return err
	}
	command, entry := about(n)
	if len(command) > maxID || len(entry) > maxID {
		return calls.Errorf(calls.CodeTooLarge, "an id is too long")
	}
	c.book.hear(command, entry, n)
	return nil
}

// maxID is how long ids are, in bytes.
const maxID = 128
