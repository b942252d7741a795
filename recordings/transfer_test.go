package recordings

import (
	"context"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestAnImportKeepsWhatWasDecidedOnTheSameBytesOnly(t *testing.T) {
	t.Parallel()
	from, w := newWorld(t), newWorld(t)
	ctx := context.Background()
	r := from.must(from.Approve(ctx, by("anna", add(t, from.Library, 440))))
	line := Imported{ID: r.ID, Title: r.Title, State: r.State, RecordID: r.RecordID, SHA256: r.SHA256, UploadedBy: "bot", DecidedBy: "anna", CreatedAt: r.CreatedAt}
	got := w.must(w.Import(ctx, "main", "root", line, clip(440, 7*time.Second)))
	if got.State != calls.RecordingIsApproved || *got.RecordID != *r.RecordID || w.played(got) != r.SHA256 || got.DecidedBy != "anna" {
		t.Errorf("%+v", got)
	}
	last := w.m.state.audit[len(w.m.state.audit)-1]
	if last.Actor != "root" || last.Action != "recording.import" {
		t.Errorf("%+v", last)
	}
	_, err := w.Import(ctx, "main", "root", line, clip(440, 7*time.Second))
	wantCode(t, err, calls.CodeWrongState)

	line.ID = "rec_01J00000000000000000000000"
	number := *r.RecordID
	other := w.must(w.Import(ctx, "main", "root", line, clip(600, 7*time.Second))) // not what anna heard
	if other.State != calls.RecordingPending || other.RecordID != nil || w.played(other) != "" {
		t.Errorf("%+v", other)
	}
	if other = w.must(w.Approve(ctx, by("boris", other))); *other.RecordID == number {
		t.Errorf("two recordings have the number %d", number)
	}
	high := int64(2_000_000)
	line.ID, line.RecordID, line.State = "rec_01J00000000000000000000001", &high, calls.RecordingArchived
	if got := w.must(w.Import(ctx, "main", "root", line, clip(440, 7*time.Second))); *got.RecordID != high || w.played(got) != "" {
		t.Errorf("%+v", got)
	}
	if next := w.must(w.Approve(ctx, by("anna", add(t, w.Library, 700)))); *next.RecordID != high+1 {
		t.Errorf("the number behind an imported one: %d", *next.RecordID)
	}
}

func TestAnImportOfSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := Imported{ID: "rec_01J00000000000000000000000", State: calls.RecordingPending}
	zero := int64(0)
	for name, spoil := range map[string]func(*Imported){
		"no id":      func(m *Imported) { m.ID = "../../etc" },
		"a state":    func(m *Imported) { m.State = calls.RecordingProcessing },
		"a title":    func(m *Imported) { m.Title = "a\x1bb" },
		"number 0":   func(m *Imported) { m.RecordID = &zero },
		"whose name": func(m *Imported) { m.DecidedBy = string(make([]byte, 500)) },
	} {
		m := good
		spoil(&m)
		if _, err := w.Import(context.Background(), "main", "root", m, clip(440, 7*time.Second)); calls.CodeOf(err) != calls.CodeInvalidField {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.Import(context.Background(), "main", "root", good, clip(440, time.Second))
	wantCode(t, err, calls.CodeRecordingTooShort)
}
