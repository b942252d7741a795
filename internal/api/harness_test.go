package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	"zvonar/internal/outbox"
	"zvonar/internal/store"
	"zvonar/recordings"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// house is the API over the real engine, store and library; only the line and
// the dialer are missing, so that calls stay queued.
type house struct {
	t      *testing.T
	clock  *clock.Fake
	store  calls.Store
	engine *engine.Engine
	server *Server
	tokens map[calls.Permission]string
	dir    string // of the database
}

// idleQueue takes calls and never dials them; what is asked for is given back.
type idleQueue struct {
	mu    sync.Mutex
	calls map[string]*calls.Call
}

func (q *idleQueue) Enqueue(c *calls.Call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.calls == nil {
		q.calls = map[string]*calls.Call{}
	}
	q.calls[c.ID] = c
}

func (q *idleQueue) Remove(id string) (*calls.Call, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c, ok := q.calls[id]
	delete(q.calls, id)
	return c, ok
}

func (q *idleQueue) Look(...string) {}

func (q *idleQueue) Why(string) (calls.Hold, bool) {
	return calls.Hold{Gate: calls.GateTurn, Text: "it waits for its turn"}, true
}

func (q *idleQueue) Foresee(calls.ReadTx, *calls.Call) (calls.Hold, error) {
	return calls.Hold{Gate: calls.GateTurn, Text: "it waits in line"}, nil
}

func (q *idleQueue) Others(*calls.Call) bool { return false }

func (q *idleQueue) Attempted(calls.Attempted) {}

func (q *idleQueue) Recheck(string) {}

func (q *idleQueue) Has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.calls[id] != nil
}

type noLine struct{ engine.Line }

type noLimits struct{}

func (noLimits) Retake(string) (engine.Slot, bool) { return nil, false }

func (noLimits) Acquire(string) (engine.Slot, calls.Gate, bool) {
	return nil, calls.GateTrunkDown, false
}

// noGate is a dialer to which campaigns mean nothing.
type noGate struct{}

func (noGate) SetCampaign(string, calls.CampaignRule)     {}
func (noGate) DropCampaign(string)                        {}
func (noGate) CampaignHeld(string) map[calls.Gate]int     { return nil }
func (noGate) CampaignLoad(string) (l calls.CampaignLoad) { return l }

// openByDay is open by day, wherever the number is.
func openByDay(number, _ string, _ *calls.Window, now time.Time) (bool, time.Time) {
	return numbering.OpenAt([]calls.Window{{From: "09:00", To: "21:00"}}, "RU", numbering.Zones(number), now)
}

func newTestEngine(t *testing.T, st calls.Store, lib *recordings.Library, c clock.Clock, ids *clock.IDs) *engine.Engine {
	t.Helper()
	eng, err := engine.New(engine.Config{Store: st, Line: noLine{}, Clips: lib, Speech: lib, Takes: lib, Queue: &idleQueue{}, Limits: noLimits{}, Clock: c, IDs: ids,
		Log: slog.New(slog.DiscardHandler), Countries: []string{"RU"}, Trunks: []engine.TrunkNumbers{
			{Name: "main", Numbers: []string{"78005553535"}}, {Name: "foreign-trunk", Numbers: []string{foreignLine}, Account: foreign}}})
	if err != nil {
		t.Fatal(err)
	}
	return eng
}

func newHouse(t *testing.T, change ...func(*Config)) *house {
	t.Helper()
	c := clock.NewFake(noon)
	ids := clock.NewIDs(c, nil)
	dir := t.TempDir()
	st, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "z.db"), Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	lib, err := recordings.New(recordings.Config{Store: st, Dir: filepath.Join(dir, "clips"), Clock: c, IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	eng := newTestEngine(t, st, lib, c, ids)
	jobs := recordings.NewJobs(lib)
	t.Cleanup(func() {
		if err := jobs.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	guard, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := campaign.New(campaign.Config{Store: st, Gate: noGate{}, Caller: eng, Opens: openByDay, Clock: c, IDs: ids, Log: slog.New(slog.DiscardHandler),
		Resolve: func(tx calls.ReadTx, account string, id calls.ClipID) error {
			_, err := lib.Resolve(tx, account, id)
			return err
		}})
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := outbox.New(outbox.Config{Store: st, Clock: c, IDs: ids, Client: guard.Client()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Listen: "127.0.0.1:0", Version: "test", Engine: eng, Tries: hooks, Campaigns: runner.Desk(), Subscriptions: &fakeSubscriptions{}, Countries: []string{"RU"}, Store: st, Recordings: lib, Jobs: jobs, Fingerprints: memPrints{st, ids}, Guard: guard, Traces: &memTraces{}, Country: "RU", Clock: c, IDs: ids,
		Console: oneProvider{}, KeyForms: map[string]KeyForm{"y": {}},
		Trunks: func() []TrunkStatus {
			return []TrunkStatus{{Name: "main", Numbers: []string{"78005553535"}}, {Name: "foreign-trunk", Numbers: []string{foreignLine}, Account: foreign}}
		}}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, clock: c, store: st, engine: eng, server: s, dir: dir, tokens: map[calls.Permission]string{}}
	for _, role := range allRoles {
		h.tokens[role] = h.token(calls.MainAccount, string(role), role)
	}
	h.put(func(tx calls.Tx) error {
		return tx.InsertRecording(recording("rec_ok", 1460168, calls.RecordingIsApproved))
	})
	h.put(func(tx calls.Tx) error {
		return tx.InsertRecording(recording("rec_pending", 0, calls.RecordingPending))
	})
	return h
}

var allRoles = []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin}

func recording(id string, number int64, state calls.RecordingState) *calls.Recording {
	r := &calls.Recording{ID: id, Account: calls.MainAccount, Title: id, State: state, Version: 1, SHA256: strings.Repeat("a", 64), DurationMS: 8000, CreatedAt: noon}
	if number > 0 {
		r.RecordID = &number
	}
	return r
}

func (h *house) put(f func(calls.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), f); err != nil {
		h.t.Fatal(err)
	}
}

// token puts a token into the store and returns its secret.
func (h *house) token(account, name string, roles ...calls.Permission) string {
	plain := "zv_test_" + account + "_" + name
	h.put(func(tx calls.Tx) error {
		return tx.PutToken(&calls.Token{ID: "tok_" + account + "_" + name, Account: account, Name: name, Roles: roles, Hash: HashToken(plain), CreatedAt: noon})
	})
	h.server.tokens.forget()
	return plain
}

// reply is what came back.
type reply struct {
	code   int
	header http.Header
	body   string
	doc    map[string]any // the body as an object, if it is one
}

func (r reply) problem() string {
	t, _ := r.doc["type"].(string)
	return strings.TrimPrefix(t, "/problems/")
}

// field is the location of the i-th error.
func (r reply) field(i int) (location, message string) {
	list, _ := r.doc["errors"].([]any)
	if i >= len(list) {
		return "", ""
	}
	m, _ := list[i].(map[string]any)
	location, _ = m["location"].(string)
	message, _ = m["message"].(string)
	return location, message
}

// do sends a request with the admin's token; header overrides follow as pairs.
func (h *house) do(method, path, body string, header ...string) reply {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermAdmin])
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return h.send(r)
}

func (h *house) send(r *http.Request) reply {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	out := reply{code: w.Code, header: w.Header(), body: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.doc)
	return out
}

// as is the header pair that sends another token.
func as(token string) []string { return []string{"Authorization", "Bearer " + token} }

// rows counts what is in the store: nothing half-written means nothing more.
func (h *house) rows() (n int) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(tx calls.ReadTx) error {
		cs, err := tx.Calls(calls.CallFilter{Limit: 500})
		if err != nil {
			return err
		}
		es, err := tx.Events(calls.EventFilter{Limit: 500})
		if err != nil {
			return err
		}
		rs, err := tx.Recordings(calls.RecordingFilter{Limit: 500})
		if err != nil {
			return err
		}
		ws, err := tx.Webhooks("")
		n = len(cs) + len(es) + len(rs) + len(ws)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

const goodCall = `{"to":"79004443322","record_id":"1460168"}`
