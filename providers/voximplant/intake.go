package voximplant

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxReport bounds the body of a callback, in bytes.
const maxReport = 64 << 10

// Intake implements providers.Intake: reports of the scenario at /events, and our
// clips, which it plays, at /clips/.
func (c *client) Intake() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if name, ok := strings.CutPrefix(req.URL.Path, "/clips/"); ok {
			providers.Named(req.Context(), providers.Label{Method: "clip"})
			c.clips.serve(w, req, name)
			return
		}
		providers.Named(req.Context(), providers.Label{Method: "callback"})
		status, err := c.hear(w, req)
		if err != nil {
			providers.Named(req.Context(), providers.Label{Fault: err.Error()})
			writeJSON(w, status, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	})
}

var errNobody = errors.New("no call is followed by this name: it is over, or was never asked for")

// hear takes one callback.
func (c *client) hear(w http.ResponseWriter, req *http.Request) (status int, err error) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, errors.New("reports are posted")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxReport))
	if err != nil {
		return http.StatusRequestEntityTooLarge, errors.New("the report is too long, or broke off")
	}
	facts, err := c.read.body(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	for _, f := range facts {
		providers.Named(req.Context(), providers.Label{Correlation: calls.Clean(f.attempt, 64)})
		switch c.feed.tell(f) {
		case nobody:
			return http.StatusNotFound, errNobody
		case crowded:
			return http.StatusServiceUnavailable, errors.New("too many reports of this call wait")
		}
	}
	return http.StatusOK, nil
}
