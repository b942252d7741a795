package voximplant

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/dialer/campaign"
	"zvonar/internal/egress"
	"zvonar/internal/engine"
	"zvonar/internal/numbering"
	"zvonar/internal/store"
	"zvonar/providers"
	"zvonar/providers/providerstest"
	"zvonar/recordings"
)

// desk is the facade over the real engine, store, library and campaigns; only the line
// and the dialer are missing, so that calls stay queued.
type desk struct {
	t       *testing.T
	clock   *clock.Fake
	store   calls.Store
	engine  *engine.Engine
	house   *providers.House
	keys    *providerstest.Keys
	texts   *memTexts
	handler http.Handler
	file    credentials // of the operator's key
	apiKey  string
}

// idleQueue takes calls and never dials them.
type idleQueue struct {
	mu    sync.Mutex
	calls map[string]*calls.Call
}

func (q *idleQueue) Enqueue(c *calls.Call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls[c.ID] = c
}

func (q *idleQueue) Remove(id string) (*calls.Call, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c, ok := q.calls[id]
	delete(q.calls, id)
	return c, ok
}

func (q *idleQueue) Has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.calls[id] != nil
}

func (*idleQueue) Look(...string)                {}
func (*idleQueue) Why(string) (calls.Hold, bool) { return calls.Hold{}, false }
func (*idleQueue) Foresee(calls.ReadTx, *calls.Call) (calls.Hold, error) {
	return calls.Hold{}, nil
}
func (*idleQueue) Others(*calls.Call) bool   { return false }
func (*idleQueue) Attempted(calls.Attempted) {}
func (*idleQueue) Recheck(string)            {}

type (
	noLine   struct{ engine.Line }
	noLimits struct{}
	noGate   struct{}
)

func (noLine) Prepare([]calls.RecordingRef) error { return nil }

func (noLimits) Retake(string) (engine.Slot, bool) { return nil, false }

func (noLimits) Acquire(string) (engine.Slot, calls.Gate, bool) {
	return nil, calls.GateTrunkDown, false
}

func (noGate) SetCampaign(string, calls.CampaignRule)     {}
func (noGate) DropCampaign(string)                        {}
func (noGate) CampaignHeld(string) map[calls.Gate]int     { return nil }
func (noGate) CampaignLoad(string) (l calls.CampaignLoad) { return l }

// memTexts keeps texts.
type memTexts struct {
	mu   sync.Mutex
	sent []string
}

func (m *memTexts) Send(_ context.Context, _, from, to, text string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, from+">"+to+": "+text)
	return "sms_" + text, nil
}

const testClip = 1460168

func newDesk(t *testing.T, change ...func(*facadeSettings)) *desk {
	t.Helper()
	d := &desk{t: t, clock: clock.NewFake(noon), keys: &providerstest.Keys{}, texts: &memTexts{}, apiKey: "an-api-key-of-tests"}
	ids := clock.NewIDs(d.clock, nil)
	dir := t.TempDir()
	st, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "z.db"), Clock: d.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	lib, err := recordings.New(recordings.Config{Store: st, Dir: filepath.Join(dir, "clips"), Clock: d.clock, IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	discard := slog.New(slog.DiscardHandler)
	eng, err := engine.New(engine.Config{Store: st, Line: noLine{}, Clips: lib, Speech: lib, Takes: lib, Queue: &idleQueue{calls: map[string]*calls.Call{}},
		Limits: noLimits{}, Clock: d.clock, IDs: ids, Log: discard, Countries: []string{"RU"}, Trunks: []engine.TrunkNumbers{{Name: "main", Numbers: []string{"78005553535"}}}})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := campaign.New(campaign.Config{Store: st, Gate: noGate{}, Caller: eng, Clock: d.clock, IDs: ids, Log: discard,
		Opens: func(number, _ string, _ *calls.Window, now time.Time) (bool, time.Time) {
			return numbering.OpenAt([]calls.Window{{From: "09:00", To: "21:00"}}, "RU", numbering.Zones(number), now)
		},
		Resolve: func(tx calls.ReadTx, account string, id calls.ClipID) error {
			_, err := lib.Resolve(tx, account, id)
			return err
		}})
	if err != nil {
		t.Fatal(err)
	}
	d.store, d.engine = st, eng
	d.house = &providers.House{Engine: eng, Store: st, Library: lib, Campaigns: runner.Desk(), Texts: d.texts, Keys: d.keys, Journal: &memJournal{},
		CheckURL: guard.Check, Country: "RU", Countries: []string{"RU"}, Clock: d.clock, IDs: ids, Log: discard,
		Links: calls.CaptureLinks{Key: []byte("0123456789abcdef0123456789abcdef")}}
	d.handler = d.facade(change...)
	d.put(func(tx calls.Tx) error {
		n := int64(testClip)
		return tx.InsertRecording(&calls.Recording{ID: "rec_1", Account: calls.MainAccount, Title: "clip", State: calls.RecordingIsApproved, Version: 1, RecordID: &n,
			SHA256: strings.Repeat("a", 64), DurationMS: 8000, CreatedAt: noon})
	})
	d.file = d.issue("12345678", calls.MainAccount, calls.PermOperator)
	return d
}

// facade makes one with rule 1 and what change says.
func (d *desk) facade(change ...func(*facadeSettings)) http.Handler {
	d.t.Helper()
	flow, bad := calls.ParseFlow(json.RawMessage(`{"record":1460168,"digits":[{"needBlock":"1"}]}`), "flow")
	if bad != nil {
		d.t.Fatal(bad)
	}
	h, err := newFacade(d.house, providerstest.Settings{Fill: func(into any) {
		s := into.(*facadeSettings)
		s.Rules = map[string]rule{"1": {Name: "promo", Application: "bots", Flow: &flow}, "2": {Flow: &flow, Account: "other"}}
		for _, f := range change {
			f(s)
		}
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	return h
}

// issue makes a key as the frame does, and gives its credentials file.
func (d *desk) issue(public, account string, roles ...calls.Permission) (file credentials) {
	d.t.Helper()
	key := calls.FacadeKey{ID: "key_" + public, Account: account, Kind: Kind, Name: "bot " + public, Roles: roles, Public: public, Secret: d.apiKey, CreatedAt: noon}
	shown, err := keyForm().Extra(&key)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(shown["credentials"]), &file); err != nil {
		d.t.Fatal(err)
	}
	d.keys.Add(key)
	return file
}

func (d *desk) put(f func(calls.Tx) error) {
	d.t.Helper()
	if err := d.store.Update(context.Background(), f); err != nil {
		d.t.Fatal(err)
	}
}

// token is that of the operator's service account.
func (d *desk) token() string {
	d.t.Helper()
	key, err := readPrivateKey(d.file.PrivateKey)
	if err != nil {
		d.t.Fatal(err)
	}
	text, err := (&signer{account: d.file.AccountID, keyID: d.file.KeyID, key: key, life: 64 * time.Second}).token(d.clock.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// send gives status and body of one request.
func (d *desk) send(r *http.Request) (int, string) {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return w.Code, string(b)
}

// ask sends a method as a form with a token, and decodes the answer.
func (d *desk) ask(method string, pairs ...string) map[string]any {
	d.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/platform_api/"+method+"/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+d.token())
	return d.decoded(r)
}

func (d *desk) decoded(r *http.Request) map[string]any {
	d.t.Helper()
	code, body := d.send(r)
	var v map[string]any
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&v); code != http.StatusOK || err != nil {
		d.t.Fatalf("%d %s", code, body)
	}
	return v
}

// errorOf is the code of an error, 0 for none.
func errorOf(v map[string]any) int64 {
	e, ok := v["error"].(map[string]any)
	if !ok {
		return 0
	}
	n, _ := e["code"].(json.Number).Int64()
	return n
}

// multipartRequest is a request as the official Node.js client sends it.
func (d *desk) multipartRequest(pairs ...string) *http.Request {
	d.t.Helper()
	body := &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			d.t.Fatal(err)
		}
	}
	_ = w.Close()
	r := httptest.NewRequest(http.MethodPost, "/platform_api", body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+d.token())
	return r
}

func (d *desk) calls() (list []*calls.Call) {
	d.t.Helper()
	err := d.store.View(context.Background(), func(tx calls.ReadTx) (err error) {
		list, err = tx.Calls(calls.CallFilter{Account: calls.MainAccount, Limit: 500})
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}
