package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// textCallbackPath is where services report without a token: the last part is
// the secret. It is not in the OpenAPI document: its form is the service's.
const textCallbackPath = "/v1/sms/reports/"

// maxReport is how much of a report is read, in bytes.
const maxReport = 64 << 10

// serveTextCallback answers one report. It stands before the mux, where its
// pattern would clash with /v1/sms/{id}/report.
func (s *Server) serveTextCallback(w http.ResponseWriter, r *http.Request) {
	r.Pattern = r.Method + " " + textCallbackPath + "{secret}" // for the metrics
	if p := s.textCallback(r); p != nil {
		p.write(w, requestOf(r.Context()).id)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "ok\n")
}

// isTextCallback tells a service's report, whose body is in the service's form.
func isTextCallback(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, textCallbackPath) }

// textCallback takes one report. Guessing the secret is slowed down like
// guessing a token, and a wrong one looks like no path at all.
func (s *Server) textCallback(r *http.Request) *Problem {
	known := s.cfg.TextCallback
	if known == nil || s.cfg.Texts == nil || (r.Method != http.MethodPost && r.Method != http.MethodGet) {
		return newProblem(calls.CodeNotFound, noSuchPath)
	}
	given, want := sha256.Sum256([]byte(strings.TrimPrefix(r.URL.Path, textCallbackPath))), sha256.Sum256([]byte(known.Secret))
	if p := s.slowDown(r, given); p != nil {
		return p
	}
	source, now := sourceOf(r.RemoteAddr), s.clock.Now()
	if subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("token").Inc()
		return newProblem(calls.CodeNotFound, noSuchPath)
	}
	s.guard.succeeded(source, given, now)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxReport+1))
	if err != nil || len(body) > maxReport {
		return newProblem(calls.CodeTooLarge, "the report is too large or broke off")
	}
	report, err := known.Read(r.Header.Get("Content-Type"), body, r.URL.Query())
	if err != nil {
		return newProblem(calls.CodeInvalidField, err.Error())
	}
	return s.takeReport(r, report)
}

// takeReport notes a report; only what the service could mend by asking again,
// or should know, is a problem.
func (s *Server) takeReport(r *http.Request, report TextReport) *Problem {
	if !report.Final {
		return nil
	}
	told := outbox.TextReport{Delivered: report.Delivered, Error: report.Error}
	var err error
	if s.cfg.TextCallback.OwnIDs {
		_, err = s.cfg.Texts.Report(r.Context(), "", report.ID, told)
	} else {
		_, err = s.cfg.Texts.ReportByProvider(r.Context(), report.ID, told)
	}
	switch {
	case err == nil, calls.CodeOf(err) == calls.CodeWrongState: // decided already: the service is to stop telling
		return nil
	case errors.Is(err, calls.ErrNotFound):
		return newProblem(calls.CodeNotFound, "there is no such text")
	}
	return s.explain(r.Context(), "text-callback", err)
}
