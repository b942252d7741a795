package sipuni

import (
	"io"
	"net/http"
	"strconv"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxEvent bounds the body of an event, in bytes.
const maxEvent = 16 << 10

// Intake implements providers.Intake: the events of the service, by GET or POST. It
// answers success also to what means nothing to us, because the service may stop
// sending where it hears anything else.
func (c *Client) Intake() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, POST")
			refuse(w, http.StatusMethodNotAllowed, "events come by GET or POST")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, "the event is too long")
			return
		}
		fields, err := fieldsOf(r.Header.Get("Content-Type"), body, r.URL.Query())
		var e event
		if err == nil {
			e, err = eventOf(fields)
		}
		if err != nil {
			providers.Named(r.Context(), providers.Label{Method: "event", Fault: err.Error()})
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		providers.Named(r.Context(), providers.Label{Method: "event " + strconv.Itoa(int(e.kind))})
		switch e.kind {
		case eventStart, eventAnswer, eventEnd, eventPart:
			c.hub.dispatch(e)
		case eventNone:
		}
		writeJSON(w, http.StatusOK, map[string]any{"success": true})
	})
}

// refuse answers as the service does where something is wrong.
func refuse(w http.ResponseWriter, status int, words string) {
	writeJSON(w, status, map[string]any{"success": false, "message": calls.Clean(words, 300)})
}
