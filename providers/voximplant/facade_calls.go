package voximplant

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// The kinds of the whole numbers that the dialect names things by.
const (
	numberSession = Kind + ".session" // calls
	numberList    = Kind + ".list"    // campaigns
	numberText    = Kind + ".text"    // SMS
)

// sessionMeta is what is kept with a call of a rule.
type sessionMeta struct {
	Voximplant struct {
		RuleID     int64  `json:"rule_id"`
		CustomData string `json:"custom_data,omitempty"`
	} `json:"voximplant"`
}

// startScenarios is a call with the flow of a rule.
func (f *facade) startScenarios(w http.ResponseWriter, q *query) (any, error) {
	select {
	case f.starting <- struct{}{}:
		defer func() { <-f.starting }()
	default:
		writeJSON(w, http.StatusTooManyRequests, map[string]any{"error": errorBody{Code: 109, Msg: "Too many requests."}})
		return nil, nil
	}
	ruleID, err := q.params.need("rule_id", 1, 1<<53)
	if err != nil {
		return nil, err
	}
	rule, ok := f.rule(q.key.Account, ruleID)
	if !ok {
		return nil, invalid("rule_id")
	}
	data := q.params.text("script_custom_data")
	if len(data) > maxCustomData {
		return nil, invalid("script_custom_data")
	}
	r, said, err := f.callOf(q, ruleID, rule, data)
	if err != nil {
		return nil, err
	}
	call, _, err := f.house.Once(q.ctx, f.settings.RepeatWindow, r, said...)
	if err != nil {
		return nil, err
	}
	session, err := f.sessionNumber(q, call.ID)
	if err != nil {
		return nil, err
	}
	proof := seal(q.key.Secret, call.ID)
	providers.Named(q.ctx, providers.Label{Correlation: call.ID, Secrets: []string{proof}})
	address := f.base(q.http) + "/session/" + q.key.Public + "/" + call.ID + "/" + proof
	return map[string]any{"result": 1, "media_session_access_url": address, "media_session_access_secure_url": address,
		"call_session_history_id": session}, nil
}

// rule finds the rule of an id that an account may run.
func (f *facade) rule(account string, id int64) (rule, bool) {
	r, ok := f.settings.Rules[strconv.FormatInt(id, 10)]
	return r, ok && (r.Account == "" || r.Account == account)
}

// callOf is the call that custom data ask for, and what makes it the same order.
func (f *facade) callOf(q *query, ruleID int64, rule rule, data string) (r engine.CallRequest, said []string, err error) {
	want := f.settings.CustomData.read(data)
	if want.to == "" {
		return r, nil, &apiError{101, "Invalid arguments: script_custom_data names no number (" + strings.Join(f.settings.CustomData.To, ", ") + ")."}
	}
	flow := *rule.Flow
	var meta sessionMeta
	meta.Voximplant.RuleID, meta.Voximplant.CustomData = ruleID, data
	metadata, err := json.Marshal(meta)
	if err != nil {
		return r, nil, err
	}
	variables, err := f.wanted(q, &flow, want.variables)
	if err != nil {
		return r, nil, err
	}
	said = want.said(f.house.Country, q.key.ID, strconv.FormatInt(ruleID, 10))
	hash := sha256.Sum256([]byte(strings.Join(said, "\x00")))
	r = engine.CallRequest{Account: q.key.Account, To: want.to, ToAt: "script_custom_data", From: cmp.Or(want.from, rule.From), Flow: &flow,
		Ref: want.ref, Trunk: rule.Trunk, Provider: rule.Provider, Metadata: metadata, Variables: variables, BodyHash: hex.EncodeToString(hash[:])}
	if want.callback != "" {
		if err := f.house.CheckURL(q.ctx, want.callback); err != nil {
			return r, nil, err
		}
		r.WebhookURL, r.WebhookKind, r.WebhookKey = want.callback, Kind, q.key.ID
		if r.WebhookSettings, err = json.Marshal(echo{Call: want.call, Attempt: want.attempt}); err != nil {
			return r, nil, err
		}
	}
	return r, said, nil
}

// wanted are the values for which the texts of a flow have places.
func (f *facade) wanted(q *query, flow *calls.Flow, values map[string]string) (map[string]string, error) {
	out := map[string]string{}
	err := f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		for _, id := range flow.ClipIDs() {
			rec, err := f.house.Library.Resolve(tx, q.key.Account, id)
			if err != nil {
				return err
			}
			t := rec.Template()
			if t == nil {
				continue
			}
			for _, v := range t.Variables {
				if value, ok := values[v.Name]; ok {
					out[v.Name] = value
				}
			}
		}
		return nil
	})
	if len(out) == 0 {
		out = nil
	}
	return out, err
}

// sessionNumber is the number of a call's session, given now where it has none.
func (f *facade) sessionNumber(q *query, id string) (n int64, err error) {
	err = f.house.Store.Update(q.ctx, func(tx calls.Tx) (err error) {
		n, err = tx.GiveNumber(q.key.Account, numberSession, id, 0)
		return err
	})
	return n, err
}

// base is where the client reaches this facade.
func (f *facade) base(r *http.Request) string {
	if f.settings.PublicURL != "" {
		return f.settings.PublicURL
	}
	before, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, _, _ := strings.Cut(before, "/platform_api")
	if prefix != "" && f.house.PublicURL != "" {
		return strings.TrimSuffix(f.house.PublicURL, "/") + prefix
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + prefix
}

// seal proves that we gave the address of a session.
func seal(secret, call string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("session " + call))
	return hex.EncodeToString(h.Sum(nil))[:sealLength]
}

// command is what may be asked of a running session; our scenario understands the first.
type command struct {
	Cmd    string       `json:"cmd"` // hangup, play, transfer, record, dtmf
	Record calls.ClipID `json:"record"`
	To     string       `json:"to"`
	On     bool         `json:"on"`
	Digits string       `json:"digits"`
}

// session answers what is asked at the address of a session: an HTTP request there
// raises AppEvents.HttpRequest in a scenario, and with us it controls the call.
func (f *facade) session(w http.ResponseWriter, r *http.Request, path string) {
	providers.Named(r.Context(), providers.Label{Method: "HttpRequest"})
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		http.NotFound(w, r)
		return
	}
	key, err := f.find(r, parts[0])
	if err != nil || !f.sealed(key, parts[1], parts[2]) {
		if err == nil {
			f.house.Keys.Wrong(r)
		}
		http.NotFound(w, r)
		return
	}
	providers.Named(r.Context(), providers.Label{Account: key.Account, Correlation: parts[1], Secrets: []string{parts[2]}})
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, "the request is too long, or broke off", http.StatusRequestEntityTooLarge)
		return
	}
	err = f.control(r, key, parts[1], readCommand(body))
	var known *calls.Error
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	case errors.Is(err, calls.ErrNotFound), errors.As(err, &known) && known.Code == calls.CodeNotFound:
		http.NotFound(w, r)
	case known != nil && known.Code == calls.CodeWrongState:
		http.Error(w, known.Detail, http.StatusGone)
	case known != nil:
		http.Error(w, known.Detail, http.StatusBadRequest)
	default:
		f.log.Error("a session could not be controlled", "call", parts[1], "err", err)
		http.Error(w, "this failed on our side", http.StatusInternalServerError)
	}
}

// sealed checks an address against the secrets of its key, also one that was replaced.
func (f *facade) sealed(key *calls.FacadeKey, call, given string) bool {
	for _, secret := range key.Secrets(f.house.Clock.Now()) {
		if hmac.Equal([]byte(given), []byte(seal(secret, call))) {
			return true
		}
	}
	return false
}

// readCommand reads JSON, or one word.
func readCommand(body []byte) (c command) {
	if err := json.Unmarshal(body, &c); err != nil {
		c = command{Cmd: strings.ToLower(strings.TrimSpace(calls.Clean(string(body), 64)))}
	}
	return c
}

func (f *facade) control(r *http.Request, key *calls.FacadeKey, call string, c command) (err error) {
	if !providers.NeedCall.MetBy(key.Roles) {
		return calls.Errorf(calls.CodeForbidden, "the key may not do this")
	}
	ctx, account, e := r.Context(), key.Account, f.house.Engine
	switch c.Cmd {
	case "hangup", "stop", "terminate", "cancel":
		_, err = e.Hangup(ctx, account, call)
	case "play":
		_, err = e.Play(ctx, account, call, c.Record)
	case "transfer":
		_, err = e.Transfer(ctx, account, call, c.To)
	case "record":
		_, err = e.Record(ctx, account, call, c.On)
	case "dtmf":
		_, err = e.SendDigits(ctx, account, call, "", c.Digits)
	default:
		err = calls.Errorf(calls.CodeInvalidField, `say what to do: {"cmd":"hangup"}, play with record, transfer with to, record with on, dtmf with digits`)
	}
	return err
}
