package hearing

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// bookStore knows one call and keeps what is written about it.
type bookStore struct {
	memStore
	call   *calls.Call
	row    *calls.Evidence
	events []calls.Event
	audit  []calls.AuditEntry
}

type bookTx struct {
	calls.Tx
	s *bookStore
}

func (s *bookStore) Update(_ context.Context, fn func(calls.Tx) error) error { return fn(bookTx{s: s}) }
func (s *bookStore) View(_ context.Context, fn func(calls.ReadTx) error) error {
	return fn(bookTx{s: s})
}

func (t bookTx) Call(account, id string) (*calls.Call, error) {
	if account != t.s.call.Account || id != t.s.call.ID {
		return nil, calls.ErrNotFound
	}
	return t.s.call.Clone(), nil
}

func (t bookTx) Evidence(string) (*calls.Evidence, error) {
	if t.s.row == nil {
		return nil, calls.ErrNotFound
	}
	row := *t.s.row
	return &row, nil
}

func (t bookTx) PutEvidence(e *calls.Evidence) error { t.s.row = e; return nil }
func (t bookTx) AppendEvent(e *calls.Event) error    { t.s.events = append(t.s.events, *e); return nil }
func (t bookTx) Audit(a calls.AuditEntry) error      { t.s.audit = append(t.s.audit, a); return nil }

// keptSounds are WAV files in memory.
type keptSounds map[string][]int16

type keptSound struct{ io.ReadSeeker }

func (keptSound) Close() error { return nil }

func (k keptSounds) Read(call string) (io.ReadSeekCloser, error) {
	pcm, found := k[call]
	if !found {
		return nil, fs.ErrNotExist
	}
	return keptSound{wav(pcm)}, nil
}

// busyTone is six seconds of it.
func busyTone() []int16 {
	pcm := tone(6000, 425)
	for i := range pcm {
		if i%5600 >= 2800 {
			pcm[i] = 0
		}
	}
	return pcm
}

func evidence(k Kept) (*bookStore, *Evidence) {
	at := noon
	s := &bookStore{call: &calls.Call{ID: "call_1", Account: "main", Trunk: "a", Direction: calls.Out, Status: calls.StatusCompleted, AnsweredAt: &at, Verdict: calls.VerdictHuman}}
	c := clock.NewFake(noon)
	return s, &Evidence{Announcements: New(Config{Store: s, Countries: []string{"RU"}, Clock: c, IDs: clock.NewIDs(c, nil)}), Kept: k}
}

func TestAnAnswerIsJudgedAgainByItsKeptSound(t *testing.T) {
	t.Parallel()
	s, e := evidence(keptSounds{"call_1": busyTone()})
	s.row = &calls.Evidence{CallID: "call_1", Account: "main", Label: calls.LabelMachine, LabelledBy: "anna"}
	j, err := e.Rescore(t.Context(), "main", "call_1", "bot")
	if err != nil {
		t.Fatal(err)
	}
	if j.Verdict != calls.VerdictAnnouncement || j.Cause != "busy" || j.Was != calls.VerdictHuman || j.Model == "" {
		t.Errorf("judged %+v", j)
	}
	if s.row.Rescored != calls.VerdictAnnouncement || s.row.Model != j.Model || s.row.Label != calls.LabelMachine || s.row.LabelledBy != "anna" {
		t.Errorf("kept %+v", s.row)
	}
	if len(s.audit) != 1 || s.audit[0].Action != "call.rescore" || s.audit[0].Actor != "bot" || len(s.events) != 1 {
		t.Fatalf("told %+v, noted %+v", s.events, s.audit)
	}
	b, err := json.Marshal(s.events[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	var told calls.AMDTold
	if err := json.Unmarshal(b, &told); err != nil || s.events[0].Type != calls.CallAMD || !told.Rescored || !told.Revised || told.Verdict != calls.VerdictAnnouncement {
		t.Errorf("told %s %s, %v", s.events[0].Type, b, err)
	}
	if s.call.Verdict != calls.VerdictHuman {
		t.Error("the call lost the verdict that it ended with")
	}
}

func TestWhatCannotBeJudgedAgainSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*calls.Call)
		kept   Kept
		id     string
		want   calls.Code
	}{
		"not over":     {func(c *calls.Call) { c.Status = calls.StatusAnswered }, keptSounds{"call_1": busyTone()}, "call_1", calls.CodeWrongState},
		"not answered": {func(c *calls.Call) { c.AnsweredAt = nil }, keptSounds{"call_1": busyTone()}, "call_1", calls.CodeWrongState},
		"not kept":     {func(*calls.Call) {}, keptSounds{}, "call_1", calls.CodeNotFound},
	} {
		s, e := evidence(tc.kept)
		tc.change(s.call)
		if _, err := e.Rescore(t.Context(), "main", tc.id, "bot"); calls.CodeOf(err) != tc.want || len(s.events) != 0 || s.row != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
