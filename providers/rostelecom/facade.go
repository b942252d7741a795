package rostelecom

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
	"zvonar/providers"
)

// facadeSettings are the keys of the facade. README.md explains each.
type facadeSettings struct {
	Domain    string         `yaml:"domain"`
	From      string         `yaml:"from"`       // caller number of callbacks; "": the employee's
	Capture   bool           `yaml:"capture"`    // talks of callbacks are written down
	Results   string         `yaml:"results"`    // string or number
	PublicURL string         `yaml:"public_url"` // of links; "": where the facade is mounted
	LinkLife  calls.Duration `yaml:"link_life"`
	// RepeatWindow is how long the same call_back gives the session of the first and
	// rings nobody; 0: never.
	RepeatWindow time.Duration `yaml:"repeat_window"`

	History historyFileForm `yaml:"history"`
}

// historyFileForm is how a history is written.
type historyFileForm struct {
	Archive   string `yaml:"archive"`   // zip, gzip or plain
	Delimiter string `yaml:"delimiter"` // ; or ,
	Header    bool   `yaml:"header"`
	MaxDays   int    `yaml:"max_days"`
}

// facade answers as the virtual PBX does, with the calls of the house.
type facade struct {
	house *providers.House
	set   facadeSettings
	links *links
	log   *slog.Logger
}

// methods are what the facade does.
var methods = map[string]func(*facade, *asked){
	methodCallBack:        (*facade).callBack,
	methodGetRecord:       (*facade).getRecord,
	methodUsersInfo:       (*facade).usersInfo,
	methodCallInfo:        (*facade).callInfo,
	methodHistory:         (*facade).orderHistory,
	methodDownloadHistory: (*facade).downloadHistory,
}

// needs say what each is for whoever asks.
var needs = map[string]providers.Need{
	methodCallBack: providers.NeedCall, methodGetRecord: providers.NeedListen, methodUsersInfo: providers.NeedRead,
	methodCallInfo: providers.NeedRead, methodHistory: providers.NeedRead, methodDownloadHistory: providers.NeedRead,
}

// asked is one authenticated request.
type asked struct {
	w    http.ResponseWriter
	r    *http.Request
	key  *calls.FacadeKey
	body []byte
}

// newFacade makes the facade; an error names the key of the settings.
func newFacade(h *providers.House, s providers.Settings) (http.Handler, error) {
	f := &facade{house: h, log: h.Log.With("facade", Kind), set: facadeSettings{
		Results: "string", LinkLife: calls.Duration(10 * time.Minute), RepeatWindow: providers.RepeatWindow,
		History: historyFileForm{Archive: "zip", Delimiter: ";", Header: true, MaxDays: 31},
	}}
	if err := s.Decode(&f.set); err != nil {
		return nil, err
	}
	switch set := &f.set; {
	case set.Results != "string" && set.Results != "number":
		return nil, errors.New("results: must be string or number")
	case set.LinkLife < calls.Duration(time.Second) || set.LinkLife > calls.Duration(24*time.Hour):
		return nil, errors.New("link_life: must be between 1s and 24h")
	case set.History.Archive != "zip" && set.History.Archive != "gzip" && set.History.Archive != "plain":
		return nil, errors.New("history.archive: must be zip, gzip or plain")
	case set.History.Delimiter != ";" && set.History.Delimiter != ",":
		return nil, errors.New("history.delimiter: must be ; or ,")
	case set.History.MaxDays < 1 || set.History.MaxDays > 366:
		return nil, errors.New("history.max_days: must be 1 to 366")
	case set.PublicURL != "" && address("public_url", set.PublicURL) != nil:
		return nil, address("public_url", set.PublicURL)
	}
	if err := providers.CheckRepeatWindow(f.set.RepeatWindow); err != nil {
		return nil, err
	}
	f.set.PublicURL = strings.TrimRight(f.set.PublicURL, "/")
	f.links = newLinks(h.Clock, time.Duration(f.set.LinkLife))
	return f, nil
}

// ServeHTTP authenticates a request and hands it to its method.
func (f *facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Trim(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(path, recordPath); ok {
		f.download(w, r, rest)
		return
	}
	do, known := methods[path]
	if !known {
		providers.Named(r.Context(), providers.Label{Fault: "there is no such method"})
		page(w, http.StatusNotFound, "404 Not Found")
		return
	}
	providers.Named(r.Context(), providers.Label{Method: path})
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		f.refuse(w, r, http.StatusMethodNotAllowed, "POST is expected")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		f.refuse(w, r, http.StatusRequestEntityTooLarge, "the body is too long")
		return
	case err != nil:
		f.refuse(w, r, http.StatusBadRequest, "the body broke off")
		return
	}
	key, status, why := f.authenticate(r, body)
	switch {
	case key == nil:
		f.refuse(w, r, status, why)
		return
	case !needs[path].MetBy(key.Roles):
		f.refuse(w, r, http.StatusForbidden, fmt.Sprintf("the key has no right to this method: it needs the role %s", needs[path].Role()))
		return
	}
	providers.Named(r.Context(), providers.Label{Account: key.Account})
	do(f, &asked{w: w, r: r, key: key, body: body})
}

// authenticate finds the key of a request and checks the signature of its raw body.
func (f *facade) authenticate(r *http.Request, body []byte) (key *calls.FacadeKey, status int, why string) {
	id := r.Header.Get(headerID)
	if id == "" || len(id) > 128 {
		f.house.Keys.Wrong(r)
		return nil, http.StatusUnauthorized, "X-Client-ID is missing"
	}
	key, err := f.house.Keys.Find(r, Kind, id)
	var limited *calls.Error
	switch {
	case errors.As(err, &limited) && limited.Code == calls.CodeOverloaded:
		return nil, http.StatusTooManyRequests, limited.Detail
	case errors.Is(err, calls.ErrNotFound):
		f.house.Keys.Wrong(r)
		return nil, http.StatusUnauthorized, "X-Client-ID or X-Client-Sign is wrong"
	case err != nil:
		f.log.Error("a key could not be looked up", "err", err)
		return nil, http.StatusServiceUnavailable, "the key could not be looked up"
	}
	if !signed(id, body, key.Secrets(f.house.Clock.Now()), strings.ToLower(r.Header.Get(headerSign))) {
		f.house.Keys.Wrong(r)
		return nil, http.StatusUnauthorized, "X-Client-ID or X-Client-Sign is wrong"
	}
	return key, 0, ""
}

// The results of the facade. The API publishes only 0 and -20.
const (
	resultOK       = 0
	resultBad      = -1 // the request cannot be understood
	resultMissing  = -2 // there is no such session, record, order
	resultCallback = -20
)

const messageOK = "Операция выполнена успешно"

// reply is an answer: result, message, and what the method adds.
type reply struct {
	Result  any    `json:"result"`
	Message string `json:"resultMessage"`
}

func (f *facade) result(code int, message string) reply {
	if f.set.Results == "number" {
		return reply{code, message}
	}
	return reply{fmt.Sprint(code), message}
}

// refuse answers a request that is not let in.
func (f *facade) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	providers.Named(r.Context(), providers.Label{Fault: why})
	f.write(w, status, f.result(resultBad, why))
}

// fail answers a request that was let in and did not work.
func (f *facade) fail(a *asked, code int, why string) {
	providers.Named(a.r.Context(), providers.Label{Fault: why})
	f.write(a.w, http.StatusOK, f.result(code, why))
}

func (f *facade) write(w http.ResponseWriter, status int, v any) {
	body, err := marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// page is an answer that is none of the API's, as its web server gives.
func page(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><head><title>%s</title></head><body><center><h1>%s</h1></center></body></html>\n", title, title)
}

// number reads a number of a request as the house writes it.
func (f *facade) number(s text) (string, error) {
	d := digits(string(s))
	if d == "" {
		return "", errors.New("it is not a number")
	}
	return numbering.Normalize(d, f.house.Country)
}

// base is the address under which the facade is reached from outside.
func (f *facade) base() string {
	if f.set.PublicURL != "" {
		return f.set.PublicURL
	}
	return f.house.PublicURL + "/compat/" + Kind
}

// link is an absolute address where one is configured.
func (f *facade) link(path string) string {
	return f.base() + (&url.URL{Path: "/" + path}).EscapedPath()
}
