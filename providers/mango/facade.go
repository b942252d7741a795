package mango

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// facade answers software that was written for the provider. Safe for concurrent use.
type facade struct {
	set   facadeSettings
	house *providers.House
	meter *meter
	bad   *penalties
	stats *statsDesk
	log   *slog.Logger
}

// newFacade makes the handler of /compat/mango/.
func newFacade(h *providers.House, s providers.Settings) (http.Handler, error) {
	set := facadeDefaults()
	if err := s.Decode(&set); err != nil {
		return nil, err
	}
	if err := set.check(); err != nil {
		return nil, err
	}
	return &facade{set: set, house: h, meter: newMeter(h.Clock, 0), bad: newPenalties(h.Clock, 1),
		stats: newStatsDesk(h.Clock, set), log: h.Log.With("facade", Kind)}, nil
}

// query is one request that is being answered.
type query struct {
	w      http.ResponseWriter
	r      *http.Request
	method method
	form   form
	key    *calls.FacadeKey
	common commonFields
}

// culprit is who is held to account for bad requests: the key, as it is used from
// one address, or whoever knows it could shut its owner out.
func (q *query) culprit() string {
	host, _, err := net.SplitHostPort(q.r.RemoteAddr)
	if err != nil {
		host = q.r.RemoteAddr
	}
	return q.key.ID + " from " + host
}

// commonFields are in the json of every command.
type commonFields struct {
	Command text `json:"command_id"`
}

// limitAnswer is what the gate before the API says to those who ask too fast.
var limitAnswer = map[string]any{"name": "Service Unavailable", "message": "Rate limit exceeded.", "code": 0, "status": http.StatusTooManyRequests}

// ServeHTTP implements http.Handler.
func (f *facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(methodOf(r.URL.Path), "vpbx/")
	providers.Named(r.Context(), providers.Label{Method: path})
	if strings.HasPrefix(path, "queries/recording/link/") {
		f.recordingLink(w, r)
		return
	}
	q := &query{w: w, r: r}
	var known bool
	q.method, known = methodAt(path)
	if code, why := f.admit(q); code != codeOK {
		f.refuse(q, code, why)
		return
	}
	if !known {
		f.refuse(q, codeUnsupported, "there is no such method here")
		return
	}
	group := q.method.group
	if until, ok := f.limited(q.key, group); !ok {
		providers.Named(r.Context(), providers.Label{Fault: "too many requests of " + string(group) + "; the next is taken at " + until.UTC().Format("15:04:05.000")})
		writeJSON(w, f.set.LimitStatus, limitAnswer)
		return
	}
	f.carryOut(q)
}

// limited counts a request against the limits of its key.
func (f *facade) limited(k *calls.FacadeKey, g group) (until time.Time, ok bool) {
	if !f.set.Limits {
		return time.Time{}, true
	}
	return f.meter.try(k.ID, g)
}

// admit reads and authenticates a request. A code other than codeOK refuses it;
// codeOverloaded and codeNotHeard stand for answers without a result.
func (f *facade) admit(q *query) (code int, why string) {
	if q.r.Method != http.MethodPost {
		return codeNotPost, "it is no POST"
	}
	var err error
	q.form, err = readForm(q.r.Header.Get("Content-Type"), http.MaxBytesReader(q.w, q.r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long) || errors.Is(err, errTooLong):
		return codeBadFormat, "the body is too long"
	case err != nil:
		return codeBadFormat, err.Error()
	case q.form.Key == "" || q.form.Sign == "" || q.form.JSON == "":
		return codeMissing, "vpbx_api_key, sign and json must be there"
	}
	q.key, err = f.house.Keys.Find(q.r, Kind, q.form.Key)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return codeBadKey, "the key is unknown, or may not be used from there"
	case err != nil:
		return codeNotHeard, err.Error()
	}
	providers.Named(q.r.Context(), providers.Label{Account: q.key.Account, Secrets: q.key.Secrets(f.house.Clock.Now())})
	if until := f.bad.until(q.culprit()); f.set.Penalty && !until.IsZero() {
		return codeNotHeard, "it sent bad requests and is not heard until " + until.UTC().Format(time.TimeOnly)
	}
	if !signed(q.form.Sign, q.form.Key, q.form.JSON, q.key.Secrets(f.house.Clock.Now())) {
		f.house.Keys.Wrong(q.r)
		return codeBadSign, "the signature is wrong"
	}
	return codeOK, ""
}

// codeNotHeard is no code of the provider's: nothing but HTTP status 401 is said.
const codeNotHeard = -1

// refuse answers a request that is not carried out.
func (f *facade) refuse(q *query, code int, why string) {
	providers.Named(q.r.Context(), providers.Label{Fault: why})
	if code == codeNotHeard {
		q.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if class(code) == 3 && q.key != nil {
		f.bad.count(q.culprit(), 1)
	}
	f.answer(q, code, nil)
}

// answer writes the result of a request, with what else it gives.
func (f *facade) answer(q *query, code int, more map[string]any) {
	body := map[string]any{"result": code}
	if q.common.Command != "" {
		body["command_id"] = q.common.Command
	}
	for name, value := range more {
		body[name] = value
	}
	status := http.StatusOK
	if class(code) > 2 {
		status = f.set.ErrorStatus
	}
	if code != codeOK {
		body["message"] = meaningOf(code).words
	}
	writeJSON(q.w, status, body)
}

// outcome is what a handler says. Handlers that answered themselves set done.
type outcome struct {
	more map[string]any
	err  error
	code int // in place of that of err; 0: as err says
	done bool
}

// refused is an outcome with a code.
func refused(code int, why string, args ...any) outcome {
	return outcome{code: code, err: fmt.Errorf(why, args...)}
}

// handlers carry out the methods.
var handlers = map[string]func(*facade, *query) outcome{
	"commands/callback":        (*facade).callback,
	"commands/callback_group":  (*facade).callbackGroup,
	"commands/call/hangup":     (*facade).hangup,
	"commands/transfer":        (*facade).transfer,
	"commands/route":           (*facade).route,
	"commands/play/start":      (*facade).play,
	"commands/recording/start": (*facade).record,
	"commands/call/hold/on":    (*facade).hold,
	"commands/sms":             (*facade).sms,
	"config/users/request":     (*facade).users,
	"groups":                   (*facade).groups,
	"incominglines":            (*facade).lines,
	"audiofiles":               (*facade).files,
	"account/balance":          (*facade).balance,
	"stats/request":            (*facade).statsRequest,
	"stats/result":             (*facade).statsResult,
	"queries/recording/post":   (*facade).recordingPost,
}

// carryOut does what a request asks for and answers it.
func (f *facade) carryOut(q *query) {
	var there map[string]any
	if q.form.parse(&there) != nil || q.form.parse(&q.common) != nil {
		f.refuse(q, codeBadJSON, "json cannot be read")
		return
	}
	if len(q.common.Command) > maxID {
		f.refuse(q, codeBadFormat, "command_id is longer than 128 bytes")
		return
	}
	for _, name := range q.method.needs {
		if v, ok := there[name]; !ok || v == nil || v == "" {
			f.refuse(q, codeMissing, name+" is missing")
			return
		}
	}
	if need := needs[q.method.path]; !need.MetBy(q.key.Roles) {
		f.refuse(q, codeForbidden, "the key may not do this: it needs the role "+string(need.Role()))
		return
	}
	out := handlers[q.method.path](f, q)
	if out.done {
		return
	}
	code := out.code
	if code == 0 {
		code = resultFor(out.err)
	}
	if out.err != nil {
		if code == codeServer {
			f.log.Error("a request could not be carried out", "method", q.method.path, "err", out.err)
		}
		f.refuse(q, code, out.err.Error())
	} else {
		f.answer(q, code, out.more)
	}
	if q.method.command && q.method.path != "commands/callback" && q.method.path != "commands/callback_group" || out.err != nil && q.method.command {
		f.notifyResult(q, code)
	}
}
