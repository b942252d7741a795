package zvonobot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Kinds of the whole numbers that the facade gives out.
const (
	numbersOfCalls   = "zvonobot.call"
	numbersOfRecords = "zvonobot.record"
)

// longAnswer bounds the methods that change something.
const longAnswer = 5 * time.Minute

// facade answers software that was written for Zvonobot. Safe for concurrent use.
type facade struct {
	h   *providers.House
	cfg facadeSettings
}

func newFacade(h *providers.House, s providers.Settings) (http.Handler, error) {
	cfg, err := readFacade(s)
	if err != nil {
		return nil, err
	}
	return &facade{h: h, cfg: cfg}, nil
}

// asked is a request whose sender is known.
type asked struct {
	token  *calls.Token
	fields fields
}

// method is one thing that may be asked.
type method struct {
	need providers.Need
	do   func(*facade, context.Context, asked) (any, error)
	file bool               // may bring a file
	get  bool               // may be asked by GET, for it changes nothing
	on   func(*facade) bool // whether it is switched on; nil: always
}

// table are the methods by their place.
var table = map[string]method{
	"apiCalls/create":                {need: providers.NeedCall, do: (*facade).create},
	"apiCalls/get":                   {need: providers.NeedRead, do: (*facade).get, get: true},
	"apiCalls/createRecord":          {need: providers.NeedCall, do: (*facade).createRecord, file: true},
	"apiCalls/getRecords":            {need: providers.NeedRead, do: (*facade).getRecords, get: true},
	"apiCalls/getPhones":             {need: providers.NeedRead, do: (*facade).getPhones, get: true},
	"apiCalls/userInfo":              {need: providers.NeedRead, do: (*facade).userInfo, get: true},
	"apiCalls/getAvailableLanguages": {need: providers.NeedRead, do: (*facade).languages, get: true},
	"apiCalls/remove":                {need: providers.NeedCall, do: (*facade).remove, on: func(f *facade) bool { return f.cfg.Remove }},
	"apiCalls/createWithTemplate":    {need: providers.NeedCall, do: (*facade).createWithTemplate, on: (*facade).templated},
	"apiCalls/getWithTemplates":      {need: providers.NeedRead, do: (*facade).get, get: true, on: (*facade).templated},
	"apiCalls/getTemplates":          {need: providers.NeedRead, do: (*facade).getTemplates, get: true, on: (*facade).templated},
	"apiBlacklist/addPhonesFromApi":  {need: providers.NeedCall, do: (*facade).addToBlacklist},
}

// needs are what the methods need of a token, by their names.
func needs() map[string]providers.Need {
	out := map[string]providers.Need{}
	for place, m := range table {
		out[path.Base(place)] = m.need
	}
	return out
}

func (f *facade) templated() bool { return len(f.cfg.Templates) > 0 }

// ServeHTTP implements http.Handler.
func (f *facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	m, ok := table[name]
	if !ok || m.on != nil && !m.on(f) {
		f.fail(w, r, http.StatusNotFound, generalFault("there is no such method here"))
		return
	}
	providers.Named(r.Context(), providers.Label{Method: path.Base(name)})
	if r.Method != http.MethodPost && !(m.get && r.Method == http.MethodGet) {
		w.Header().Set("Allow", http.MethodPost)
		f.fail(w, r, http.StatusMethodNotAllowed, generalFault("this method is asked for by POST"))
		return
	}
	most := f.cfg.MaxBody
	if m.file {
		most = max(most, f.cfg.MaxFile)
	}
	in, status, err := readFields(w, r, most)
	if err != nil {
		f.fail(w, r, status, generalFault(err.Error()))
		return
	}
	token, status, err := f.sender(r, in, m.need)
	if err != nil {
		f.fail(w, r, status, generalFault(err.Error()))
		return
	}
	providers.Named(r.Context(), providers.Label{Account: token.Account})
	if !m.get { // a text is spoken, or thousands of calls are stored, before there is an answer
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longAnswer)) // not every test's writer can
	}
	out, err := m.do(f, r.Context(), asked{token, in})
	if err != nil {
		status, body := f.faultOf(err)
		f.fail(w, r, status, body)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// sender finds whose token the key is, and whether it has what the method needs.
func (f *facade) sender(r *http.Request, in fields, need providers.Need) (*calls.Token, int, error) {
	var key text
	if raw, ok := in["apiKey"]; ok && key.UnmarshalJSON(raw) != nil {
		key = ""
	}
	if key == "" {
		return nil, http.StatusUnauthorized, errors.New("apiKey is missing")
	}
	providers.Named(r.Context(), providers.Label{Secrets: []string{string(key)}})
	t, err := f.h.Keys.Token(r, string(key))
	var known *calls.Error
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, http.StatusUnauthorized, errors.New("apiKey is not known")
	case errors.As(err, &known) && known.Code == calls.CodeOverloaded:
		return nil, http.StatusTooManyRequests, errors.New(known.Detail)
	case err != nil:
		f.h.Log.Error("a key could not be looked up", "facade", Kind, "error", err)
		return nil, http.StatusInternalServerError, errors.New("the key could not be looked up")
	case !need.MetBy(t.Roles):
		return nil, http.StatusForbidden, fmt.Errorf("this apiKey may not do this: its token needs the role %s", need.Role())
	}
	return t, 0, nil
}

// fail answers that nothing was done, and tells the journal why.
func (f *facade) fail(w http.ResponseWriter, r *http.Request, status int, body failure) {
	providers.Named(r.Context(), providers.Label{Fault: body.words()})
	writeJSON(w, status, body)
}

// failure is an answer that says no, in one of the shapes of the dialect.
type failure struct {
	Status  string              `json:"status"`
	Message string              `json:"message,omitempty"`
	Errors  map[string][]string `json:"errors,omitempty"`
	Data    any                 `json:"data,omitempty"`
}

func (b failure) words() string {
	words := b.Message
	for name, list := range b.Errors {
		words += name + ": " + strings.Join(list, "; ")
	}
	return orText(words, "refused")
}

func generalFault(message string) failure { return failure{Status: "error", Message: message} }

// places are the dialect's names of the places of our requests, by their beginning.
var places = []struct{ ours, theirs string }{
	{"body.to", "phone"}, {"body.from", "outgoingPhone"}, {"body.flow.record", "record"}, {"body.record", "record"}, {"body.text", "record"},
	{"body.flow", "ivrs"}, {"body.digits", "ivrs"}, {"body.webhook_url", "webhookUrl"}, {"body.not_before", "plannedAt"}, {"body.not_after", "plannedAt"},
	{"body.variables", "variables"}, {"body.title", "name"}, {"body.window", "startTime"},
}

// fieldOf is the dialect's name of the place that an error names, or "".
func fieldOf(e *calls.Error) string {
	for _, at := range e.Fields {
		for _, p := range places {
			if strings.HasPrefix(at.Location, p.ours) {
				return p.theirs
			}
		}
	}
	return ""
}

// recordCodes are faults of a clip, wherever they were found.
var recordCodes = []calls.Code{calls.CodeUnknownRecording, calls.CodeRecordingNotApproved, calls.CodeRecordingTooShort, calls.CodeRecordingHasDigits, calls.CodeBadAudio}

// faultOf puts an error into a shape of the dialect.
func (f *facade) faultOf(err error) (int, failure) {
	var own *field
	var known *calls.Error
	switch {
	case errors.As(err, &own):
		return http.StatusUnprocessableEntity, failure{Status: "error", Errors: map[string][]string{own.name: {own.message}}}
	case !errors.As(err, &known):
		f.h.Log.Error("a request could not be answered", "facade", Kind, "error", err)
		return http.StatusInternalServerError, generalFault("something failed on our side; ask again later")
	}
	switch known.Code {
	case calls.CodeOverloaded:
		return http.StatusServiceUnavailable, generalFault(known.Detail)
	case calls.CodeForbidden:
		return http.StatusForbidden, generalFault(known.Detail)
	}
	name := fieldOf(known)
	if name == "" && slices.Contains(recordCodes, known.Code) {
		name = "record"
	}
	if name == "" {
		return http.StatusUnprocessableEntity, generalFault(known.Detail)
	}
	return http.StatusUnprocessableEntity, failure{Status: "error", Errors: map[string][]string{name: {known.Detail}}}
}

// success is an answer that says yes.
type success struct {
	Status string `json:"status"`
	Data   any    `json:"data"`
}

func yes(data any) success { return success{"success", data} }
