package rostelecom

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Intake implements providers.Intake: what the virtual PBX tells its CRM, and asks it.
// Its address, with the method behind it, is the CRM address in the cabinet.
func (p *Provider) Intake() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := strings.Trim(r.URL.Path, "/")
		if i := strings.LastIndexByte(method, '/'); i >= 0 {
			method = method[i+1:]
		}
		providers.Named(r.Context(), providers.Label{Method: calls.Clean(method, 64), Account: p.account()})
		handle := map[string]func(http.ResponseWriter, *http.Request, []byte){
			methodCallEvents: p.hearEvent, methodNumberInfo: p.answerNumber, methodNumberInfoShort: p.answerNumber, methodHistoryReady: p.hearHistory,
		}[method]
		switch {
		case handle == nil:
			p.deny(w, r, http.StatusNotFound, "there is no such method")
			return
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			p.deny(w, r, http.StatusMethodNotAllowed, "POST is expected")
			return
		case p.set.ClientID == "":
			p.deny(w, r, http.StatusNotFound, "client_id and sign_key are not configured")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var long *http.MaxBytesError
		switch {
		case errors.As(err, &long):
			p.deny(w, r, http.StatusRequestEntityTooLarge, "the body is too long")
			return
		case err != nil:
			p.deny(w, r, http.StatusBadRequest, "the body broke off")
			return
		case !strings.EqualFold(r.Header.Get(headerID), p.set.ClientID) ||
			!signed(r.Header.Get(headerID), body, []string{p.set.SignKey}, strings.ToLower(r.Header.Get(headerSign))):
			p.deny(w, r, http.StatusUnauthorized, "X-Client-ID or X-Client-Sign is wrong")
			return
		}
		handle(w, r, body)
	})
}

// deny refuses a request, in words for the sender and for the journal.
func (p *Provider) deny(w http.ResponseWriter, r *http.Request, status int, why string) {
	providers.Named(r.Context(), providers.Label{Fault: why})
	p.answer(w, status, nobody(status, why))
}

// answer writes a signed answer.
func (p *Provider) answer(w http.ResponseWriter, status int, v any) {
	body, err := marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if p.set.ClientID != "" {
		putSign(w.Header(), p.set.ClientID, body, p.set.SignKey)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// marshal writes JSON without escapes for HTML, as the other side does.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

func (p *Provider) hearEvent(w http.ResponseWriter, r *http.Request, body []byte) {
	e, err := parseEvent(body)
	if err != nil {
		p.deny(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if string(e.State) != stateAnalytics { // what it holds is not documented
		p.hub.hear(e)
	}
	p.answer(w, http.StatusOK, numberResult{})
}

// numberResult is an answer of no more than a yes.
type numberResult struct {
	Result  int    `json:"result"`
	Message string `json:"resultMessage"`
}

// answerNumber says who is responsible for a caller. What goes wrong leaves the call
// to the rules of the virtual PBX, which it would do at a time-out as well.
func (p *Provider) answerNumber(w http.ResponseWriter, r *http.Request, body []byte) {
	var q numberQuery
	if err := json.Unmarshal(body, &q); err != nil {
		p.deny(w, r, http.StatusBadRequest, "the body is not a JSON object")
		return
	}
	if !p.set.Info.On {
		p.answer(w, http.StatusOK, nobody(4, "number_info is switched off"))
		return
	}
	from, line := digits(string(q.FromNumber)), digits(string(q.RequestNumber))
	if from == "" {
		p.answer(w, http.StatusOK, nobody(1, "the caller shows no number"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(p.set.Info.Budget))
	defer cancel()
	type said struct {
		answer numberAnswer
		err    error
	}
	answers := make(chan said, 1) // a store that hangs holds up nothing but this goroutine
	go func() {
		a, err := p.lookUp(ctx, from, line)
		answers <- said{a, err}
	}()
	select {
	case s := <-answers:
		if s.err == nil {
			p.answer(w, http.StatusOK, s.answer)
			return
		}
		p.log.Warn("who is responsible for a caller could not be looked up", "from", calls.Mask(from), "err", s.err)
	case <-ctx.Done():
		p.log.Warn("who is responsible for a caller was not found in time", "from", calls.Mask(from))
	}
	providers.Named(r.Context(), providers.Label{Fault: "the caller could not be looked up in time"})
	p.answer(w, http.StatusOK, nobody(5, "the caller could not be looked up"))
}

func (p *Provider) hearHistory(w http.ResponseWriter, r *http.Request, body []byte) {
	var q orderQuery
	if err := json.Unmarshal(body, &q); err != nil || q.OrderID == "" {
		p.deny(w, r, http.StatusBadRequest, "the body has no order_id")
		return
	}
	p.announced(calls.Clean(string(q.OrderID), 100))
	p.answer(w, http.StatusOK, numberResult{})
}
