package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Problem is the one form in which anything that went wrong leaves the API
// (RFC 9457).
type Problem struct {
	Type      string         `json:"type" doc:"/problems/CODE"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"what happened and what to do about it"`
	Errors    []ProblemField `json:"errors" nullable:"false"`
	RequestID string         `json:"request_id" doc:"name it when you ask for help; it is in the daemon's log"`

	extra      map[string]any // further members, e.g. measured_ms
	retryAfter int            // seconds; 0: no Retry-After
}

// ProblemField locates one fault in a request.
type ProblemField struct {
	Location string `json:"location" doc:"body.digits[3]"`
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty"`
}

// kind is how a code is published.
type kind struct {
	status int
	title  string
}

// kinds lists every problem this API can answer with (DESIGN 4.3).
var kinds = map[calls.Code]kind{
	calls.CodeInvalidNumber:        {http.StatusUnprocessableEntity, "Invalid number"},
	calls.CodeDestinationForbidden: {http.StatusUnprocessableEntity, "Destination not allowed"},
	calls.CodeUnknownRecording:     {http.StatusUnprocessableEntity, "Unknown recording"},
	calls.CodeRecordingNotApproved: {http.StatusUnprocessableEntity, "Recording not approved"},
	calls.CodeRecordingTooShort:    {http.StatusUnprocessableEntity, "Recording too short"},
	calls.CodeRecordingHasDigits:   {http.StatusUnprocessableEntity, "Key tones in the recording"},
	calls.CodeBadAudio:             {http.StatusUnprocessableEntity, "Audio cannot be used"},
	calls.CodeBadAction:            {http.StatusUnprocessableEntity, "Bad action"},
	calls.CodeTooManyDigits:        {http.StatusUnprocessableEntity, "Too many digits"},
	calls.CodeForbiddenURL:         {http.StatusUnprocessableEntity, "Forbidden URL"},
	calls.CodeInvalidField:         {http.StatusUnprocessableEntity, "Invalid field"},
	calls.CodeRefConflict:          {http.StatusConflict, "Ref is in use"},
	calls.CodeIdempotencyConflict:  {http.StatusConflict, "Idempotency key was used with another body"},
	calls.CodeWrongState:           {http.StatusConflict, "Wrong state"},
	calls.CodeBadJSON:              {http.StatusBadRequest, "Bad JSON"},
	calls.CodeTooLarge:             {http.StatusRequestEntityTooLarge, "Too large"},
	calls.CodeUnauthorized:         {http.StatusUnauthorized, "Unauthorized"},
	calls.CodeForbidden:            {http.StatusForbidden, "Forbidden"},
	calls.CodeNotFound:             {http.StatusNotFound, "Not found"},
	calls.CodeOverloaded:           {http.StatusServiceUnavailable, "Overloaded"},
	calls.CodeInternal:             {http.StatusInternalServerError, "Internal error"},
}

// newProblem builds a problem of a code.
func newProblem(code calls.Code, detail string) *Problem {
	k, ok := kinds[code]
	if !ok {
		code, k = calls.CodeInternal, kinds[calls.CodeInternal]
	}
	p := &Problem{Type: "/problems/" + string(code), Title: k.title, Status: k.status, Detail: detail, Errors: []ProblemField{}}
	if code == calls.CodeOverloaded {
		p.retryAfter = 1
	}
	return p
}

// problemOf turns any error of a handler into a problem; known is false where
// the error is ours, not the asker's, and belongs in the log.
func problemOf(err error) (p *Problem, known bool) {
	var e *calls.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &e):
		p = newProblem(e.Code, e.Detail)
		for _, f := range e.Fields {
			p.Errors = append(p.Errors, ProblemField{Location: f.Location, Message: f.Message, Value: echo(f.Location, f.Value)})
		}
		p.extra = e.Extra
		return p, p.Status != http.StatusInternalServerError
	case errors.Is(err, calls.ErrNotFound):
		return newProblem(calls.CodeNotFound, "there is nothing of this name in your account"), true
	case errors.As(err, &tooLarge):
		return newProblem(calls.CodeTooLarge, "the body is larger than "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes"), true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return newProblem(calls.CodeOverloaded, "the request was given up before it was answered; try again"), true
	}
	return newProblem(calls.CodeInternal, "something failed on our side; the daemon's log tells more under this request_id"), false
}

// problemOfHuma restates what huma found out by itself while it read a request.
func problemOfHuma(m *huma.ErrorModel) *Problem {
	code := calls.CodeInvalidField
	switch m.Status {
	case http.StatusBadRequest:
		code = calls.CodeBadJSON
	case http.StatusRequestEntityTooLarge:
		code = calls.CodeTooLarge
	case http.StatusRequestTimeout:
		code = calls.CodeOverloaded
	case http.StatusInternalServerError:
		code = calls.CodeInternal
	}
	p := newProblem(code, m.Detail)
	p.Status = m.Status // already on the wire
	for _, d := range m.Errors {
		if d == nil || slices.ContainsFunc(p.Errors, func(f ProblemField) bool { return f.Location == d.Location && f.Message == d.Message }) {
			continue
		}
		p.Errors = append(p.Errors, fieldOfHuma(d))
	}
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
		if n := len(p.Errors) - 1; n > 0 {
			p.Detail += " (and " + strconv.Itoa(n) + " more)"
		}
	}
	return p
}

func fieldOfHuma(d *huma.ErrorDetail) ProblemField {
	f := ProblemField{Location: d.Location, Message: d.Message, Value: echo(d.Location, d.Value)}
	if d.Message == "unexpected property" {
		name := d.Location[strings.LastIndexByte(d.Location, '.')+1:]
		f.Message = "there is no such field"
		if laterFields[name] {
			f.Message = "is not available in this version"
		}
	}
	if d.Location == "body" {
		f.Value = nil // the whole body: long, and it may hold a secret
	}
	return f
}

// echo shows a wrong value back where that helps and cannot hurt.
func echo(location string, v any) any {
	const longest = 200
	if strings.Contains(location, "secret") || strings.Contains(location, "token") {
		return nil
	}
	switch v := v.(type) {
	case string:
		if len(v) > longest {
			return strings.ToValidUTF8(v[:longest], "") + "…"
		}
	case json.RawMessage:
		if len(v) > longest {
			return nil
		}
	case map[string]any, []any:
		return nil
	}
	return v
}

// Error makes *Problem an error.
func (p *Problem) Error() string { return p.Type + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="zvonar"`)
	}
	return h
}

// MarshalJSON merges the further members into the document.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type document Problem
	b, err := json.Marshal((*document)(p))
	if err != nil || len(p.extra) == 0 {
		return b, err
	}
	more, err := json.Marshal(p.extra)
	if err != nil || len(more) < 3 {
		return b, err
	}
	return append(append(b[:len(b)-1], ','), more[1:]...), nil
}

// write sends p outside huma.
func (p *Problem) write(w http.ResponseWriter, requestID string) {
	p.RequestID = requestID
	h := w.Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Set("Content-Type", p.ContentType(""))
	h.Del("Content-Length")
	b, err := json.Marshal(p)
	if err != nil {
		b = []byte(`{"type":"/problems/internal","title":"Internal error","status":500,"detail":"","errors":[],"request_id":""}`)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(b, '\n'))
}
