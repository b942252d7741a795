package beeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxAsked bounds the body of a request to the facade, in bytes.
const maxAsked = 64 << 10

// FacadeSettings are the keys of the facade.
type FacadeSettings struct {
	// RepeatWindow is how long the same order rings nobody a second time.
	RepeatWindow time.Duration `yaml:"repeat_window"`
	// MaxExpires is the longest life of a subscription.
	MaxExpires time.Duration `yaml:"max_expires"`
	// CallAnswer says what a call of version 2 is answered with: string or object.
	// Version 1 is always a string.
	CallAnswer string `yaml:"call_answer"`
	// UserDomain makes user ids of ten-digit phones: 9333221100@UserDomain. Without
	// it, or a phone, the id of the employee is his user id.
	UserDomain string `yaml:"user_domain"`
	// RecordsInclusive begins a page of records with the id that was asked for instead
	// of the one behind it.
	RecordsInclusive bool `yaml:"records_inclusive"`
	// ReferenceLife is how long the link of a recording opens.
	ReferenceLife time.Duration `yaml:"reference_life"`
}

func (s *FacadeSettings) check() error {
	switch {
	case providers.CheckRepeatWindow(s.RepeatWindow) != nil:
		return providers.CheckRepeatWindow(s.RepeatWindow)
	case s.MaxExpires < time.Minute || s.MaxExpires > 31*24*time.Hour:
		return errors.New("max_expires: from 1m to 744h")
	case s.CallAnswer != "string" && s.CallAnswer != "object":
		return errors.New("call_answer: string or object")
	case !calls.Printable(s.UserDomain) || strings.ContainsAny(s.UserDomain, " @/"):
		return errors.New("user_domain: a domain, without @")
	case s.ReferenceLife < time.Minute || s.ReferenceLife > 31*24*time.Hour:
		return errors.New("reference_life: from 1m to 744h")
	}
	return nil
}

// facade answers software that was written for the portal's API.
type facade struct {
	house    *providers.House
	settings FacadeSettings
	log      *slog.Logger
	mux      *http.ServeMux
}

// asked is one request of somebody whom we know.
type asked struct {
	*http.Request
	token *calls.Token
	w     http.ResponseWriter
}

// account is whose data it is about.
func (a *asked) account() string { return a.token.Account }

// sent says that a handler has written the answer itself.
type sent struct{}

// newFacade makes the facade. Whatever is asked under /apis/portal/, and without
// that, is answered.
func newFacade(h *providers.House, from providers.Settings) (http.Handler, error) {
	s := FacadeSettings{RepeatWindow: providers.RepeatWindow, MaxExpires: 25 * time.Hour, CallAnswer: "string", ReferenceLife: calls.CaptureLinkLife}
	if err := from.Decode(&s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	f := &facade{house: h, settings: s, log: h.Log.With("facade", Kind), mux: http.NewServeMux()}
	for pattern, m := range methods {
		f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, m) })
	}
	for _, pattern := range elsewhere {
		f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, method{providers.NeedRead, notHere}) })
	}
	return f, nil
}

// method is one of the portal's API: what a token must be allowed, and what answers.
type method struct {
	need providers.Need
	do   func(*facade, *asked) (any, error)
}

// methods are what the facade does; everything else of the portal's API (elsewhere) is
// refused in its own words. Following an employee's calls is part of placing them: what
// it sends is what a call's own webhook would.
var methods = map[string]method{
	"GET /abonents":                          {providers.NeedRead, (*facade).listAbonents},
	"GET /abonents/{p}":                      {providers.NeedRead, (*facade).showAbonent},
	"GET /abonents/{p}/agent":                {providers.NeedRead, (*facade).agent},
	"PUT /abonents/{p}/agent":                {providers.NeedCall, (*facade).setAgent},
	"GET /abonents/{p}/recording":            {providers.NeedRead, (*facade).recording},
	"PUT /abonents/{p}/recording":            {providers.NeedCall, (*facade).recordingOn},
	"DELETE /abonents/{p}/recording":         {providers.NeedCall, (*facade).recordingOff},
	"POST /abonents/{p}/call":                {providers.NeedCall, (*facade).call},
	"POST /v2/abonents/{p}/call":             {providers.NeedCall, (*facade).callV2},
	"POST /abonents/{p}/callTransfer":        {providers.NeedCall, (*facade).transfer},
	"GET /numbers":                           {providers.NeedRead, (*facade).listNumbers},
	"GET /numbers/{p}":                       {providers.NeedRead, (*facade).showNumber},
	"GET /records":                           {providers.NeedRead, (*facade).listRecords},
	"GET /v2/records":                        {providers.NeedRead, (*facade).listRecords},
	"GET /records/{id}":                      {providers.NeedRead, (*facade).showRecord},
	"GET /v2/records/{id}":                   {providers.NeedRead, (*facade).showRecord},
	"GET /v2/records/{id}/download":          {providers.NeedListen, (*facade).download},
	"GET /records/{id}/download":             {providers.NeedListen, (*facade).download},
	"GET /records/{id}/reference":            {providers.NeedListen, (*facade).reference},
	"GET /v2/records/{id}/reference":         {providers.NeedListen, (*facade).reference},
	"GET /v2/records/{ext}/{user}":           {providers.NeedRead, (*facade).showRecord},
	"GET /v2/records/{ext}/{user}/download":  {providers.NeedListen, (*facade).download},
	"GET /records/{ext}/{user}/reference":    {providers.NeedListen, (*facade).reference},
	"GET /v2/records/{ext}/{user}/reference": {providers.NeedListen, (*facade).reference},
	"GET /statistics":                        {providers.NeedRead, (*facade).statistics},
	"GET /v2/statistics":                     {providers.NeedRead, (*facade).statisticsV2},
	"PUT /subscription":                      {providers.NeedCall, (*facade).subscribe},
	"GET /subscription":                      {providers.NeedCall, (*facade).showSubscription},
	"DELETE /subscription":                   {providers.NeedCall, (*facade).unsubscribe},
}

// elsewhere are methods of the portal that our house has nothing for.
var elsewhere = []string{
	"/abonents/{p}/cfb", "/abonents/{p}/cfs", "/abonents/{p}/cfs/{id}", "/abonents/{p}/bwl", "/abonents/{p}/bwl/{id}",
	"/abonents/{p}/number", "/abonents/{p}/callTransferConsult", "/icr/numbers", "/icr/route", "/v3/statistics/{what}", "/vc", "/vc/{rest...}",
	"DELETE /v2/records/{id}",
}

// needs are what the methods need, by their patterns.
func needs() map[string]providers.Need {
	out := map[string]providers.Need{}
	for pattern, m := range methods {
		out[pattern] = m.need
	}
	return out
}

// notHere refuses what our house does not have.
func notHere(*facade, *asked) (any, error) {
	return nil, &Refusal{http.StatusNotImplemented, "NotSupported", "zvonar has no such service; see docs/providers.md for what it answers"}
}

// notThere refuses what the portal does not have either.
func notThere(*facade, *asked) (any, error) {
	return nil, &Refusal{http.StatusNotFound, "MethodNotFound", "there is no such method, or not with this HTTP verb"}
}

// ServeHTTP cleans the path, which known clients write with double slashes, and says
// in JSON what is not there.
func (f *facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u := *r.URL
	u.Path, u.RawPath = path.Clean("/"+strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/apis/portal")), ""
	r2 := r.Clone(r.Context())
	r2.URL = &u
	r2.Body = http.MaxBytesReader(w, r.Body, maxAsked)
	if _, pattern := f.mux.Handler(r2); pattern == "" {
		f.answer(w, r2, method{providers.NeedRead, notThere})
		return
	}
	f.mux.ServeHTTP(w, r2)
}

// answer authenticates, runs a method and writes what it gives as JSON.
func (f *facade) answer(w http.ResponseWriter, r *http.Request, m method) {
	providers.Named(r.Context(), providers.Label{Method: methodName(r)})
	token, err := f.known(r, m.need)
	var v any
	if err == nil {
		providers.Named(r.Context(), providers.Label{Account: token.Account})
		v, err = m.do(f, &asked{r, token, w})
	}
	if _, done := v.(sent); done {
		return
	}
	status := http.StatusOK
	if err != nil {
		refusal := f.refusal(err)
		status, v = refusal.Status, Failure{refusal.Code, refusal.Words}
		providers.Named(r.Context(), providers.Label{Fault: refusal.Words})
	}
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"errorCode":"InternalError","description":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func methodName(r *http.Request) string {
	_, path, _ := strings.Cut(r.Pattern, " ")
	if path == "" {
		path = r.Pattern
	}
	return strings.TrimPrefix(path, "/")
}

// known is the token that a request bears. It must have what the method needs.
func (f *facade) known(r *http.Request, need providers.Need) (*calls.Token, error) {
	plain := r.Header.Get(tokenHeader)
	if plain == "" {
		return nil, &Refusal{http.StatusUnauthorized, "AuthTokenNotFound", "send the token in " + tokenHeader}
	}
	token, err := f.house.Keys.Token(r, plain)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, &Refusal{http.StatusUnauthorized, "AuthTokenInvalid", "the token is not known, or may not be used from here"}
	case err != nil:
		return nil, err
	case !need.MetBy(token.Roles):
		return nil, &Refusal{http.StatusForbidden, "AccessDenied", "the token needs the role " + string(need.Role())}
	}
	return token, nil
}

// Refusal is a no in the portal's form.
type Refusal struct {
	Status int
	Code   string
	Words  string
}

// Error makes it an error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Words }

// refusals says how our own errors are called in the portal's world. Its catalogue is
// not known; the words of calls.Error go with them.
var refusals = map[calls.Code]Refusal{
	calls.CodeInvalidNumber:        {400, "PhoneNumberInvalid", ""},
	calls.CodeDestinationForbidden: {403, "CallNotAllowed", ""},
	calls.CodeNotFound:             {404, "NotFound", ""},
	calls.CodeWrongState:           {409, "WrongState", ""},
	calls.CodeRefConflict:          {409, "WrongState", ""},
	calls.CodeForbiddenURL:         {400, "UrlInvalid", ""},
	calls.CodeInvalidField:         {400, "ParameterInvalid", ""},
	calls.CodeBadAction:            {400, "ParameterInvalid", ""},
	calls.CodeBadJSON:              {400, "BadRequest", ""},
	calls.CodeTooLarge:             {413, "BadRequest", ""},
	calls.CodeForbidden:            {403, "AccessDenied", ""},
	calls.CodeUnauthorized:         {401, "AuthTokenInvalid", ""},
	calls.CodeOverloaded:           {503, "Overloaded", ""},
}

// refusal puts an error into the portal's form; one that is our fault is logged here.
func (f *facade) refusal(err error) Refusal {
	var known *Refusal
	var ours *calls.Error
	switch {
	case errors.As(err, &known):
		return *known
	case errors.Is(err, calls.ErrNotFound):
		return Refusal{http.StatusNotFound, "NotFound", "there is no such thing"}
	case errors.As(err, &ours):
		if r, ok := refusals[ours.Code]; ok {
			r.Words = ours.Detail
			return r
		}
	}
	f.log.Error("a request to the facade failed", "error", err)
	return Refusal{http.StatusInternalServerError, "InternalError", "something failed on our side; the log tells more"}
}

// body reads the JSON of a request into v; an empty one leaves it as it is.
func (a *asked) body(v any) error {
	b, err := io.ReadAll(a.Body)
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &tooLarge):
		return &Refusal{http.StatusRequestEntityTooLarge, "BadRequest", fmt.Sprintf("the body is longer than %d bytes", maxAsked)}
	case err != nil:
		return &Refusal{http.StatusBadRequest, "BadRequest", "the body broke off"}
	case len(strings.TrimSpace(string(b))) == 0:
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return &Refusal{http.StatusBadRequest, "BadRequest", "the body is not the JSON that this method takes"}
	}
	return nil
}
