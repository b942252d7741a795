package voximplant

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
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

// method answers a request; answer nil: it was written.
type method func(f *facade, w http.ResponseWriter, q *query) (answer any, err error)

// answered are the methods that the facade knows.
var answered = map[string]method{
	"StartScenarios":         (*facade).startScenarios,
	"CreateCallList":         (*facade).createCallList,
	"AppendToCallList":       (*facade).appendToCallList,
	"GetCallLists":           (*facade).getCallLists,
	"GetCallListDetails":     (*facade).getCallListDetails,
	"EditCallList":           (*facade).editCallList,
	"EditCallListTask":       (*facade).editCallListTask,
	"CancelCallListTask":     (*facade).cancelCallListTask,
	"CancelCallListBatch":    (*facade).cancelCallListBatch,
	"StopCallListProcessing": (*facade).stopCallList,
	"RecoverCallList":        (*facade).recoverCallList,
	"DeleteCallList":         (*facade).deleteCallList,
	"GetCallHistory":         (*facade).getCallHistory,
	"GetAccountInfo":         (*facade).getAccountInfo,
	"SendSmsMessage":         (*facade).sendSMS,
}

// needs say what each is for whoever asks. The history of calls is for all; where their
// sound lies is in it only for who may listen.
var needs = map[string]providers.Need{
	"StartScenarios":         providers.NeedCall,
	"CreateCallList":         providers.NeedManage,
	"AppendToCallList":       providers.NeedManage,
	"GetCallLists":           providers.NeedRead,
	"GetCallListDetails":     providers.NeedRead,
	"EditCallList":           providers.NeedManage,
	"EditCallListTask":       providers.NeedManage,
	"CancelCallListTask":     providers.NeedManage,
	"CancelCallListBatch":    providers.NeedManage,
	"StopCallListProcessing": providers.NeedManage,
	"RecoverCallList":        providers.NeedManage,
	"DeleteCallList":         providers.NeedManage,
	"GetCallHistory":         providers.NeedRead,
	"GetAccountInfo":         providers.NeedRead,
	"SendSmsMessage":         providers.NeedCall,
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
	if need := needs[name]; !need.MetBy(key.Roles) {
		return nil, &apiError{104, "The method is forbidden for this key: it needs the role " + string(need.Role()) + "."}
	}
	return m(f, w, &query{ctx: r.Context(), http: r, params: p, key: key})
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
