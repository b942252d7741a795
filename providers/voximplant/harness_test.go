package voximplant

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// noon is when tests begin: 12:00 in Moscow.
var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// yamlSettings are the settings of a provider as its configuration has them.
type yamlSettings string

func (s yamlSettings) Decode(into any) error {
	return yaml.UnmarshalWithOptions([]byte(s), into, yaml.Strict())
}

// memJournal keeps exchanges.
type memJournal struct {
	mu   sync.Mutex
	list []calls.Exchange
}

func (j *memJournal) Note(x calls.Exchange) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, x)
}

func (j *memJournal) all() []calls.Exchange {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]calls.Exchange(nil), j.list...)
}

// memLibrary has one clip.
type memLibrary struct {
	providers.Library
	pcm map[string][]int16
}

func (l *memLibrary) LoadRef(ref calls.RecordingRef) (pcm, wide []int16, err error) {
	if pcm, ok := l.pcm[ref.SHA256]; ok {
		return pcm, nil, nil
	}
	return nil, nil, calls.ErrNotFound
}

// memStore answers what the client asks of the store.
type memStore struct {
	calls.Store
	calls.Tx
	recordings map[string]*calls.Recording
	employees  map[string]*calls.Employee
}

func (s *memStore) View(_ context.Context, fn func(calls.ReadTx) error) error { return fn(s) }

func (s *memStore) Recording(_, id string) (*calls.Recording, error) {
	if r, ok := s.recordings[id]; ok {
		return r, nil
	}
	return nil, calls.ErrNotFound
}

func (s *memStore) EmployeeByExtension(_, extension string) (*calls.Employee, error) {
	for _, e := range s.employees {
		if e.Extension == extension {
			return e, nil
		}
	}
	return nil, calls.ErrNotFound
}

func (s *memStore) Employee(_, id string) (*calls.Employee, error) {
	if e, ok := s.employees[id]; ok {
		return e, nil
	}
	return nil, calls.ErrNotFound
}

const clipHash = "aa00000000000000000000000000000000000000000000000000000000000001"

func testHouse(_ testing.TB, c clock.Clock) (*providers.House, *memJournal) {
	j := &memJournal{}
	return &providers.House{
		Store:   &memStore{employees: map[string]*calls.Employee{"emp_1": {ID: "emp_1", Extension: "201", Phone: "74242490764"}}},
		Library: &memLibrary{pcm: map[string][]int16{clipHash: {1, -2, 3}}}, Journal: j, Clock: c, IDs: clock.NewIDs(c, nil),
		Log:       slog.New(slog.DiscardHandler),
		IntakeURL: func(name string) string { return "https://pbx.example.com/intake/" + name + "/s3cretpath" },
	}, j
}

// credentialsFile is that of the golden key.
func credentialsFile(t testing.TB, account int64) string {
	t.Helper()
	b, err := json.Marshal(credentials{AccountEmail: "a@example.com", AccountID: account, KeyID: goldenKeyID, PrivateKey: fixture(t, "test_key.pem")})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// settingsOf is a configuration for a service at url, with more lines of YAML.
func settingsOf(t testing.TB, url, more string) yamlSettings {
	t.Helper()
	quoted, err := json.Marshal(credentialsFile(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	return yamlSettings("url: " + url + "\nrule_id: 7\ncredentials: " + string(quoted) + "\n" + more)
}

// reports collects what a follower tells.
type reports struct {
	mu   sync.Mutex
	list []calls.ProviderReport
	more chan struct{}
}

func newReports() *reports { return &reports{more: make(chan struct{}, 100)} }

func (r *reports) tell(p calls.ProviderReport) {
	r.mu.Lock()
	r.list = append(r.list, p)
	r.mu.Unlock()
	r.more <- struct{}{}
}

// wait gives the reports once there are n of them.
func (r *reports) wait(t testing.TB, n int) []calls.ProviderReport {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		r.mu.Lock()
		list := append([]calls.ProviderReport(nil), r.list...)
		r.mu.Unlock()
		if len(list) >= n {
			return list
		}
		select {
		case <-r.more:
		case <-limit:
			t.Fatalf("only %d of %d reports came: %+v", len(list), n, list)
		}
	}
}

// states are the states of reports, in order.
func states(list []calls.ProviderReport) (out []calls.ReportState) {
	for _, r := range list {
		out = append(out, r.State)
	}
	return out
}
