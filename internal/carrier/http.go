package carrier

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/capture"
)

// maxBody is more than any request of the HTTP API needs.
const maxBody = 16 << 10

// server is the HTTP API (docs/test-carrier.md).
func (c *Carrier) server() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /calls", c.getCalls)
	mux.HandleFunc("GET /calls/{id}/audio", c.getAudio)
	mux.HandleFunc("GET /numbers", c.getNumbers)
	mux.HandleFunc("POST /api/callback", c.postCallback)
	mux.HandleFunc("POST /api/call", c.postCall)
	return &http.Server{
		Handler:           http.MaxBytesHandler(mux, maxBody),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
	}
}

func (c *Carrier) getCalls(w http.ResponseWriter, r *http.Request) {
	if c.authorized(w, r, "") {
		reply(w, http.StatusOK, map[string]any{"items": c.Calls()})
	}
}

func (c *Carrier) getNumbers(w http.ResponseWriter, r *http.Request) {
	if c.authorized(w, r, "") {
		reply(w, http.StatusOK, map[string]any{"prefix": Prefix, "items": Numbers()})
	}
}

// getAudio answers with what was heard in a call that is over, as WAV.
func (c *Carrier) getAudio(w http.ResponseWriter, r *http.Request) {
	if !c.authorized(w, r, "") {
		return
	}
	pcm, ok := c.Heard(r.PathValue("id"))
	if !ok {
		refuse(w, calls.Errorf(calls.CodeNotFound, "no audio of this call: it lasts, heard nothing, or was too long ago"))
		return
	}
	w.Header().Set("Content-Type", "audio/wav")
	if err := capture.WriteWAV(w, sampleRate, pcm); err != nil {
		c.cfg.Log.Debug("test carrier: audio not sent", "error", err)
	}
}

// postCallback is the cloud PBX: connect a client to an extension.
func (c *Carrier) postCallback(w http.ResponseWriter, r *http.Request) {
	var req CallbackRequest
	if !decode(w, r, &req) || !c.authorized(w, r, req.Token) {
		return
	}
	id, err := c.Callback(req)
	accept(w, id, err)
}

// postCall makes the carrier call zvonar.
func (c *Carrier) postCall(w http.ResponseWriter, r *http.Request) {
	var req struct{ From, To, Like, Token string }
	if !decode(w, r, &req) || !c.authorized(w, r, req.Token) {
		return
	}
	id, err := c.Place(req.From, req.To, req.Like)
	accept(w, id, err)
}

// authorized checks the token, which may come as a bearer or in the body.
func (c *Carrier) authorized(w http.ResponseWriter, r *http.Request, inBody string) bool {
	given := inBody
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		given = bearer
	}
	if c.cfg.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(c.cfg.Token)) == 1 {
		return true
	}
	refuse(w, calls.Errorf(calls.CodeUnauthorized, "wrong or missing token"))
	return false
}

// decode reads the JSON body into v; false means that the refusal is written.
func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(r.Body).Decode(v)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLarge):
		refuse(w, calls.Errorf(calls.CodeTooLarge, "the body is larger than %d bytes", maxBody))
	default:
		refuse(w, calls.Errorf(calls.CodeBadJSON, "the body is not the JSON object that is expected here: %v", err))
	}
	return false
}

// accept answers a request that started a call, or did not.
func accept(w http.ResponseWriter, id string, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{"result": "ok", "call_id": id})
}

// statusOf maps the problem codes of this API; anything else is a 400.
var statusOf = map[calls.Code]int{
	calls.CodeUnauthorized: http.StatusUnauthorized, calls.CodeNotFound: http.StatusNotFound,
	calls.CodeTooLarge: http.StatusRequestEntityTooLarge, calls.CodeOverloaded: http.StatusServiceUnavailable,
	calls.CodeInternal: http.StatusInternalServerError,
}

// refuse answers as cloud PBXs do: {"result":"error","error":"…"}.
func refuse(w http.ResponseWriter, err error) {
	status, ok := statusOf[calls.CodeOf(err)]
	if !ok {
		status = http.StatusBadRequest
	}
	text := "internal error"
	var e *calls.Error
	if errors.As(err, &e) {
		text = e.Detail
	}
	reply(w, status, map[string]string{"result": "error", "code": string(calls.CodeOf(err)), "error": text})
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, fmt.Appendf(nil, `{"result":"error","error":%q}`, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client is gone; nobody to tell
}
