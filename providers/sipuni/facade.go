package sipuni

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxRequest bounds a request to the facade, in bytes.
const maxRequest = 64 << 10

// facade answers software that was written for the service. What it says no to is a
// 200 with success false, as there; other statuses are for what never was a request
// of the dialect.
type facade struct {
	house   *providers.House
	set     facadeSettings
	zone    *time.Location
	log     *slog.Logger
	answers map[string]func(*request) reply
}

// request is one that was authenticated.
type request struct {
	ctx    context.Context
	http   *http.Request
	key    *calls.FacadeKey
	method method
	p      params
	how    string // the variant of its signature
}

// reply is what is answered.
type reply struct {
	body any    // written as JSON
	csv  []byte // or a table
	file func(w http.ResponseWriter)
}

func newFacade(h *providers.House, s providers.Settings) (http.Handler, error) {
	set, zone, err := readFacade(s)
	if err != nil {
		return nil, err
	}
	f := &facade{house: h, set: set, zone: zone, log: h.Log.With("facade", Kind)}
	f.answers = map[string]func(*request) reply{
		methodNumber: f.callNumber, methodTree: f.callTree, methodExternal: f.callExternal, methodVoice: f.voiceCall,
		methodCancel: f.cancel, methodHangup: f.hangup, methodSchemes: f.schemes, methodOperators: f.operators,
		methodStatistic: f.statistic, methodEverything: f.everything, methodRecord: f.record,
	}
	return f, nil
}

// needs are what the methods need of a key.
var needs = map[string]providers.Need{
	methodNumber: providers.NeedCall, methodTree: providers.NeedCall, methodExternal: providers.NeedCall, methodVoice: providers.NeedCall,
	methodCancel: providers.NeedCall, methodHangup: providers.NeedCall, methodSchemes: providers.NeedRead, methodOperators: providers.NeedRead,
	methodStatistic: providers.NeedRead, methodEverything: providers.NeedRead, methodRecord: providers.NeedListen,
}

// ServeHTTP implements http.Handler.
func (f *facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Join(strings.FieldsFunc(r.URL.Path, func(c rune) bool { return c == '/' }), "/")
	path = strings.TrimPrefix(path, "api/")
	m, known := methodOf(path)
	switch {
	case !known:
		refuse(w, http.StatusNotFound, "there is no such method")
		return
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		refuse(w, http.StatusMethodNotAllowed, "send GET or POST")
		return
	}
	providers.Named(r.Context(), providers.Label{Method: path})
	q, status, words := f.read(w, r, m)
	if q == nil {
		providers.Named(r.Context(), providers.Label{Fault: words})
		refuse(w, status, words)
		return
	}
	providers.Named(r.Context(), providers.Label{Account: q.key.Account})
	f.answer(w, q)
}

// answer runs the method.
func (f *facade) answer(w http.ResponseWriter, q *request) {
	do := f.answers[q.method.path]
	switch {
	case do == nil:
		refuse(w, http.StatusOK, "this method is not supported here")
		return
	case !needs[q.method.path].MetBy(q.key.Roles):
		refuse(w, http.StatusOK, "the key may not do this: it needs the role "+string(needs[q.method.path].Role()))
		return
	}
	switch a := do(q); {
	case a.file != nil:
		a.file(w)
	case a.csv != nil:
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = w.Write(a.csv)
	default:
		writeJSON(w, http.StatusOK, a.body)
	}
}

// read reads and authenticates a request; nil with a status and words where it is
// refused.
func (f *facade) read(w http.ResponseWriter, r *http.Request, m method) (q *request, status int, words string) {
	p, err := readParams(w, r)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, http.StatusRequestEntityTooLarge, "the request is too long"
	case err != nil:
		return nil, http.StatusOK, err.Error()
	}
	hash := p[paramHash]
	delete(p, paramHash)
	if name := shifted(p); name != "" {
		return nil, http.StatusOK, name + " must not have a plus sign"
	}
	if p[paramUser] == "" || hash == "" {
		return nil, http.StatusOK, "user and hash are needed"
	}
	key, err := f.house.Keys.Find(r, Kind, p[paramUser])
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, http.StatusOK, "user or hash is wrong"
	case calls.CodeOf(err) == calls.CodeOverloaded && err != nil:
		return nil, http.StatusTooManyRequests, "too many wrong requests came from here; wait a minute"
	case err != nil:
		f.log.Error("a key could not be read", "err", err)
		return nil, http.StatusInternalServerError, "this failed on our side; ask again"
	}
	how, ok := verify(m.path, p, hash, key.Secrets(f.house.Clock.Now()), f.set.Compatible)
	if !ok || how == variantTree && !f.set.LegacyTree {
		f.house.Keys.Wrong(r)
		return nil, http.StatusOK, "user or hash is wrong"
	}
	if how != "canonical" {
		f.log.Info("a request was signed in another way than the documented one", "method", m.path, "variant", how, "key", key.ID)
	}
	if value, has := p["antion"]; has { // only what is signed is read, so it is renamed now
		if !f.set.Compatible {
			return nil, http.StatusOK, "antion is no parameter; it is called antiaon"
		}
		delete(p, "antion")
		p["antiaon"] = value
	}
	if name := m.missing(p); name != "" {
		return nil, http.StatusOK, name + " is needed"
	}
	return &request{ctx: r.Context(), http: r, key: key, method: m, p: p, how: how}, 0, ""
}

// readParams merges query, form and JSON body. A parameter that comes twice with
// different values is refused: which of them was signed nobody could tell.
func readParams(w http.ResponseWriter, r *http.Request) (params, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the query cannot be read")
	}
	sources := []url.Values{query}
	if len(strings.TrimSpace(string(body))) > 0 {
		values, err := bodyParams(r.Header.Get("Content-Type"), body)
		if err != nil {
			return nil, err
		}
		sources = append(sources, values)
	}
	p := params{}
	for _, values := range sources {
		for name, list := range values {
			if len(p) >= maxFields || len(name) > maxField {
				return nil, errors.New("there are too many parameters")
			}
			for _, value := range list {
				if have, twice := p[name]; twice && have != value {
					return nil, errors.New("a parameter is given twice")
				}
				p[name] = value
			}
		}
	}
	return p, nil
}

func bodyParams(contentType string, body []byte) (url.Values, error) {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch strings.TrimSpace(media) {
	case "application/json":
		return flatJSON(body)
	case "application/x-www-form-urlencoded", "":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, errors.New("the form cannot be read")
		}
		return values, nil
	}
	return nil, errors.New("send the parameters as a form or as JSON")
}

// failed is a no, with words for whoever reads the client's log.
func (f *facade) failed(q *request, err error) reply {
	var known *calls.Error
	words := "this failed on our side; ask again"
	switch {
	case errors.As(err, &known):
		words = known.Detail
	case errors.Is(err, calls.ErrNotFound):
		words = "there is no such call"
	default:
		f.log.Error("a request of the facade failed", "method", q.method.path, "err", err)
	}
	providers.Named(q.ctx, providers.Label{Fault: words})
	return no(words)
}

func no(words string) reply { return reply{body: map[string]any{"success": false, "message": words}} }

// writeJSON answers with JSON.
func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // our own plain values
		status, raw = http.StatusInternalServerError, []byte(`{"success":false}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
