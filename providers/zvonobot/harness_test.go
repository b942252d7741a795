package zvonobot

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/config"
	"zvonar/internal/engine"
	"zvonar/internal/store"
	"zvonar/providers"
	"zvonar/recordings"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// settings are keys of the configuration, read as strictly as there.
type settings string

func (s settings) Decode(into any) error {
	text := "facades:\n  - kind: zvonobot\n    settings:\n      " + strings.ReplaceAll(string(s), "\n", "\n      ") + "\n"
	if s == "" {
		text = "facades: [{kind: zvonobot}]\n"
	}
	cfg, problems := config.Parse("zvonar.yaml", []byte(text), nil)
	if err := config.Error(problems); err != nil {
		return err
	}
	return cfg.Facades[0].Settings.Decode(into)
}

// house is a real engine, store and library; only the line and the dialer are
// missing, so that calls stay queued until a test ends them.
type house struct {
	*providers.House
	t       *testing.T
	clock   *clock.Fake
	store   calls.Store
	lib     *recordings.Library
	journal *journal
}

type journal struct {
	mu   sync.Mutex
	list []calls.Exchange
}

func (j *journal) Note(x calls.Exchange) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, x)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, _ := json.Marshal(j.list)
	return string(b)
}

// idleQueue takes calls and never dials them.
type idleQueue struct {
	mu   sync.Mutex
	have map[string]*calls.Call
}

func (q *idleQueue) Enqueue(c *calls.Call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.have[c.ID] = c
}

func (q *idleQueue) Remove(id string) (*calls.Call, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c, ok := q.have[id]
	delete(q.have, id)
	return c, ok
}

func (q *idleQueue) Has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.have[id] != nil
}

func (q *idleQueue) Look(...string)            {}
func (q *idleQueue) Others(*calls.Call) bool   { return false }
func (q *idleQueue) Attempted(calls.Attempted) {}
func (q *idleQueue) Recheck(string)            {}
func (q *idleQueue) Foresee(calls.ReadTx, *calls.Call) (calls.Hold, error) {
	return calls.Hold{}, nil
}

func (q *idleQueue) Why(string) (calls.Hold, bool) {
	return calls.Hold{Gate: calls.GateTurn, Text: "it waits for its turn"}, true
}

type noLine struct{ engine.Line }

type noLimits struct{}

func (noLimits) Retake(string) (engine.Slot, bool) { return nil, false }

func (noLimits) Acquire(string) (engine.Slot, calls.Gate, bool) {
	return nil, calls.GateTrunkDown, false
}

// keys are tokens by their plain text.
type keys map[string]*calls.Token

func (k keys) Find(*http.Request, string, string) (*calls.FacadeKey, error) {
	return nil, calls.ErrNotFound
}
func (k keys) Wrong(*http.Request) {}
func (k keys) Token(_ *http.Request, plain string) (*calls.Token, error) {
	if plain == "guessed too often" {
		return nil, calls.Errorf(calls.CodeOverloaded, "too many wrong keys came from there; wait a minute")
	}
	if t, ok := k[plain]; ok {
		return t, nil
	}
	return nil, calls.ErrNotFound
}

const (
	key       = "caller-key"
	viewerKey = "viewer-key"
	otherKey  = "key-of-another-account"
)

func newHouse(t *testing.T) *house {
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
	wav := filepath.Join(dir, "said.wav")
	if err := os.WriteFile(wav, hum(8), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short.wav")
	if err := os.WriteFile(short, hum(3), 0o600); err != nil {
		t.Fatal(err)
	}
	lib, err := recordings.New(recordings.Config{Store: st, Dir: filepath.Join(dir, "clips"), Clock: c, IDs: ids,
		Confine: []string{"sh", "-c", `shift 7; exec "$@"`, "sh"}, // without limits
		Speech: recordings.Speech{Command: []string{"sh", "-c",
			`if grep -q 'Коротко'; then cat "$2"; else cat "$1"; fi`, "sh", wav, short}}})
	if err != nil {
		t.Fatal(err)
	}
	eng, err := engine.New(engine.Config{Store: st, Line: noLine{}, Clips: lib, Speech: lib, Takes: lib, Queue: &idleQueue{have: map[string]*calls.Call{}}, Limits: noLimits{},
		Clock: c, IDs: ids, Log: slog.New(slog.DiscardHandler), Countries: []string{"RU"}, Trunks: []engine.TrunkNumbers{{Name: "main", Numbers: []string{"78005553535"}}}})
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	h := &house{t: t, clock: c, store: st, lib: lib, journal: j, House: &providers.House{
		Engine: eng, Store: st, Library: lib, Links: calls.CaptureLinks{Key: []byte(strings.Repeat("k", 32)), Base: "https://zvonar.example"}, Journal: j, PublicURL: "https://zvonar.example",
		Keys: keys{key: token("bot", calls.PermCaller), viewerKey: token("eyes", calls.PermViewer),
			otherKey: {ID: "tok_other", Account: "other", Name: "other", Roles: []calls.Permission{calls.PermCaller}}},
		CheckURL: func(_ context.Context, u string) error {
			if strings.Contains(u, "169.254") {
				return calls.Errorf(calls.CodeForbiddenURL, "this address is inside")
			}
			return nil
		},
		TrunkNumbers: func(string) []string { return []string{"78005553535"} },
		IntakeURL:    func(name string) string { return "https://zvonar.example/intake/" + name + "/secret" },
		Country:      "RU", Countries: []string{"RU"}, Clock: c, IDs: ids, Log: slog.New(slog.DiscardHandler)}}
	h.put(func(tx calls.Tx) error { return tx.InsertRecording(clip("rec_ok", 1460168)) })
	h.put(func(tx calls.Tx) error { return tx.InsertRecording(clip("rec_next", 1460169)) })
	return h
}

func token(name string, role calls.Permission) *calls.Token {
	return &calls.Token{ID: "tok_" + name, Account: calls.MainAccount, Name: name, Roles: []calls.Permission{role}}
}

// clip is an approved recording.
func clip(id string, number int64) *calls.Recording {
	r := &calls.Recording{ID: id, Account: calls.MainAccount, Title: "Clip " + id, State: calls.RecordingIsApproved, Version: 1, Versions: 1,
		SHA256: strings.Repeat("a", 64), DurationMS: 8000, CreatedAt: noon, RecordID: &number}
	r.Live = &calls.LiveVersion{Version: 1, SHA256: r.SHA256, DurationMS: r.DurationMS}
	return r
}

func (h *house) put(f func(calls.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), f); err != nil {
		h.t.Fatal(err)
	}
}

// call reads the n-th call of the facade.
func (h *house) call(n int64) (c *calls.Call) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(tx calls.ReadTx) error {
		id, err := tx.Numbered(calls.MainAccount, numbersOfCalls, n)
		if err == nil {
			c, err = tx.Call(calls.MainAccount, id)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// facade is the facade with these settings.
func (h *house) facade(s settings) http.Handler {
	h.t.Helper()
	f, err := newFacade(h.House, s)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Journalled(Kind, "", f)
}

// ask posts a JSON body and gives what came back.
func ask(t *testing.T, f http.Handler, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// golden compares with a file of testdata, whatever the spacing.
func golden(t *testing.T, file, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := plain(t, string(want)), plain(t, got); a != b {
		t.Errorf("%s:\n got %s\nwant %s", file, b, a)
	}
}

func plain(t *testing.T, doc string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// hum is a WAV file whose level goes up and down.
func hum(seconds int) []byte {
	const rate = 8000
	data := make([]byte, 0, 2*rate*seconds)
	for i := range rate * seconds {
		at := float64(i) / rate
		v := 9000 * math.Sin(2*math.Pi*(180+40*math.Sin(3*at))*at) * (0.6 + 0.4*math.Sin(2*math.Pi*4*at))
		data = binary.LittleEndian.AppendUint16(data, uint16(int16(v)))
	}
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+len(data)))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.AppendUint32(le.AppendUint32(b, rate), 2*rate)
	b = append(b, "\x02\x00\x10\x00data"...)
	return append(le.AppendUint32(b, uint32(len(data))), data...)
}
