package voximplant

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// facade answers software that was written for the Management API. What it says no to
// is HTTP 200 with an error, as there; other statuses are for what is no request of the
// API, and 429 for too many.
type facade struct {
	house    *providers.House
	settings facadeSettings
	log      *slog.Logger
	starting chan struct{} // one element for each StartScenarios that is answered
}

// query is a request that was authenticated.
type query struct {
	ctx    context.Context
	http   *http.Request
	params params
	key    *calls.FacadeKey
}

// method is one of the API: what a key must be allowed, and what answers it.
type method struct {
	role calls.Permission
	do   func(f *facade, w http.ResponseWriter, q *query) (answer any, err error) // nil: it was written
}

// answered are the methods that the facade knows.
var answered = map[string]method{
	"StartScenarios":         {calls.PermCaller, (*facade).startScenarios},
	"CreateCallList":         {calls.PermOperator, (*facade).createCallList},
	"AppendToCallList":       {calls.PermOperator, (*facade).appendToCallList},
	"GetCallLists":           {calls.PermViewer, (*facade).getCallLists},
	"GetCallListDetails":     {calls.PermViewer, (*facade).getCallListDetails},
	"EditCallList":           {calls.PermOperator, (*facade).editCallList},
	"EditCallListTask":       {calls.PermOperator, (*facade).editCallListTask},
	"CancelCallListTask":     {calls.PermOperator, (*facade).cancelCallListTask},
	"CancelCallListBatch":    {calls.PermOperator, (*facade).cancelCallListBatch},
	"StopCallListProcessing": {calls.PermOperator, (*facade).stopCallList},
	"RecoverCallList":        {calls.PermOperator, (*facade).recoverCallList},
	"DeleteCallList":         {calls.PermOperator, (*facade).deleteCallList},
	"GetCallHistory":         {calls.PermViewer, (*facade).getCallHistory},
	"GetAccountInfo":         {calls.PermViewer, (*facade).getAccountInfo},
	"SendSmsMessage":         {calls.PermCaller, (*facade).sendSMS},
}

func newFacade(h *providers.House, from providers.Settings) (http.Handler, error) {
	s, err := readFacade(from)
	if err != nil {
		return nil, err
	}
	return &facade{house: h, settings: s, log: h.Log.With("facade", Kind), starting: make(chan struct{}, s.Concurrent)}, nil
}

func (f *facade) skew() time.Duration { return time.Duration(f.settings.Skew) }

// ServeHTTP implements http.Handler: /platform_api with cmd, /platform_api/METHOD/, and
// the addresses of sessions.
func (f *facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Trim(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(path, "session/"); ok {
		f.session(w, r, rest)
		return
	}
	name, inPath := strings.CutPrefix(path, "platform_api/")
	switch {
	case path != "platform_api" && !inPath || strings.Contains(name, "/") && inPath:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "send GET or POST", http.StatusMethodNotAllowed)
		return
	}
	if !inPath {
		name = ""
	}
	answer, err := f.answer(w, r, name)
	switch {
	case errors.Is(err, errCrowded):
		writeJSON(w, http.StatusTooManyRequests, map[string]any{"error": errorBody{Code: 100, Msg: "Too many requests."}})
	case err != nil:
		body := f.fault(r, err)
		providers.Named(r.Context(), providers.Label{Fault: body.Msg})
		writeJSON(w, http.StatusOK, map[string]any{"error": body})
	case answer != nil:
		writeJSON(w, http.StatusOK, answer)
	}
}

func (f *facade) answer(w http.ResponseWriter, r *http.Request, name string) (any, error) {
	p, err := readParams(w, r, f.settings.MaxFile)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = p.text("cmd")
	}
	m, known := answered[name]
	if name != "" {
		providers.Named(r.Context(), providers.Label{Method: calls.Clean(name, 64), Secrets: []string{p.text("api_key")}})
	}
	switch {
	case name == "":
		return nil, &apiError{102, "The 'cmd' parameter is missed."}
	case !known:
		return nil, &apiError{103, "The command is unknown."}
	}
	key, err := f.authenticate(r, p)
	if err != nil {
		return nil, err
	}
	providers.Named(r.Context(), providers.Label{Account: key.Account})
	if !may(key, m.role) {
		return nil, &apiError{104, "The method is forbidden for this key."}
	}
	return m.do(f, w, &query{ctx: r.Context(), http: r, params: p, key: key})
}

// may reports whether a key carries a role, as tokens do.
func may(k *calls.FacadeKey, role calls.Permission) bool {
	t := calls.Token{Roles: slices.Clone(k.Roles)}
	return t.May(role)
}

// actor is who asks, for the log of the house.
func (q *query) actor() string { return "facade key " + q.key.Name }

// faults are our errors in the codes of the API. What is not here is 101, for it
// is about what was asked.
var faults = map[calls.Code]int{
	calls.CodeInternal: 2, calls.CodeOverloaded: 109, calls.CodeForbidden: 104, calls.CodeUnauthorized: 100,
}

// fault says an error in the form of the API. What went wrong with us is logged, not told.
func (f *facade) fault(r *http.Request, err error) errorBody {
	var said *apiError
	var known *calls.Error
	switch {
	case errors.As(err, &said):
		return errorBody{Code: said.code, Msg: said.msg}
	case errors.As(err, &known):
		code, ok := faults[known.Code]
		if !ok {
			code = 101
		}
		msg := known.Detail
		if len(known.Fields) > 0 && known.Fields[0].Message != "" {
			msg = known.Fields[0].Message
		}
		return errorBody{Code: code, Msg: "Invalid arguments: " + msg}
	case errors.Is(err, calls.ErrNotFound):
		return errorBody{Code: 101, Msg: "Invalid arguments: there is no such thing."}
	}
	if r.Context().Err() == nil {
		f.log.Error("a request could not be answered", "err", err)
	}
	return errorBody{Code: 2, Msg: "Internal error."}
}
