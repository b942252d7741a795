package api

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Captures are the talks that were written down. Read gives fs.ErrNotExist for a
// call without one; the caller closes what it gets.
type Captures interface {
	Read(call string) (io.ReadSeekCloser, error)
}

func (s *Server) declareCaptures() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "get-call-recording", Method: http.MethodGet, Path: "/v1/calls/{id}/recording",
		Summary: "Hear a talk", Tags: []string{"calls"},
		Description: "WAV, we on the left, they on the right; ranges are served, also while the talk goes on. The url of call.recording_ready opens without a token until it expires. Each opening is in the audit log (call.listen).",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"audio/wav": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, s.callCapture)
}

func (s *Server) callCapture(ctx context.Context, in *callInput) (*huma.StreamResponse, error) {
	q := requestOf(ctx)
	audio, err := s.openCapture(ctx, q.token.Account, in.ID, q.token.Name)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) { serveCapture(q.w, q.r, audio) }}, nil
}

// openCapture finds the capture of an account's call ("" is any) and notes who
// listens.
func (s *Server) openCapture(ctx context.Context, account, id, actor string) (io.ReadSeekCloser, error) {
	return s.listen(ctx, s.cfg.Captures, account, id, actor)
}

// listen opens what is kept of an account's call ("" is any) and notes who listens.
func (s *Server) listen(ctx context.Context, from Captures, account, id, actor string) (io.ReadSeekCloser, error) {
	var call *calls.Call
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		call, err = tx.Call(account, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if from == nil {
		return nil, calls.Errorf(calls.CodeNotFound, "nothing is kept here of what is said in calls")
	}
	audio, err := from.Read(call.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, calls.Errorf(calls.CodeNotFound, "this is not kept of the call, is no longer kept, or lies on another node")
	}
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: call.Account, Actor: actor, Action: "call.listen", Object: call.ID, At: s.clock.Now()})
	})
	if err != nil { // nobody listens without a trace
		return nil, errors.Join(err, audio.Close())
	}
	return audio, nil
}

func serveCapture(w http.ResponseWriter, r *http.Request, audio io.ReadSeekCloser) {
	defer func() { _ = audio.Close() }()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(uploadTimeout))
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", time.Time{}, audio)
}

// linkActor is who opened a capture by its link, in the audit log.
const linkActor = "link"

// captureOfLink is the call that a request with a signature asks for.
func captureOfLink(r *http.Request) (call string, is bool) {
	rest, ours := strings.CutPrefix(r.URL.Path, "/v1/calls/")
	call, found := strings.CutSuffix(rest, "/recording")
	is = ours && found && r.URL.Query().Has("signature") && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	return call, is && !strings.Contains(call, "/")
}

// serveLink answers a link of call.recording_ready, which needs no token.
func (s *Server) serveLink(w http.ResponseWriter, r *http.Request, call string) {
	r.Pattern = "GET /v1/calls/{id}/recording" // for the metrics
	q := r.URL.Query()
	if !s.cfg.CaptureLinks.Opens(call, q.Get("expires"), q.Get("signature"), s.clock.Now()) {
		s.metrics.refused.WithLabelValues("token").Inc()
		newProblem(calls.CodeForbidden, "this link has expired or is not ours; ask with a token").write(w, requestOf(r.Context()).id)
		return
	}
	audio, err := s.openCapture(r.Context(), "", call, linkActor)
	if err != nil {
		s.explain(r.Context(), "get-call-recording", err).write(w, requestOf(r.Context()).id)
		return
	}
	serveCapture(w, r, audio)
}

type recordInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		On bool `json:"on" doc:"true: write the talk down from now on; false: stop"`
	}
}

func (s *Server) recordCall(ctx context.Context, in *recordInput) (*callOutput, error) {
	call, err := s.cfg.Engine.Record(ctx, accountOf(ctx), in.ID, in.Body.On)
	return s.controlled(ctx, "call.record", call, err)
}
