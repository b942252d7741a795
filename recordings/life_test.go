package recordings

import (
	"context"
	"fmt"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// world is a library with a clock that a test moves.
type world struct {
	*testing.T
	*Library
	m     *memory
	clock *clock.Fake
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	c := clock.NewFake(noon)
	l, m := library(t, append(change, func(cfg *Config) { cfg.Clock, cfg.IDs = c, clock.NewIDs(c, nil) })...)
	return &world{T: t, Library: l, m: m, clock: c}
}

// must takes the recording out of a step that may not fail.
func (w *world) must(r *calls.Recording, err error) *calls.Recording {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) next(r *calls.Recording, hz float64) *calls.Recording {
	w.Helper()
	w.clock.Advance(time.Millisecond)
	return w.must(w.AddVersion(context.Background(), "main", r.ID, "bot", clip(hz, 8*time.Second)))
}

// versions are the states of all versions of a recording, from the first.
func (w *world) versions(r *calls.Recording) (states string) {
	for v := 1; v <= r.Versions; v++ {
		err := w.m.View(context.Background(), func(tx calls.ReadTx) error {
			got, err := tx.RecordingVersion("main", r.ID, v)
			if err == nil {
				states += fmt.Sprintf("%s ", got.State)
			}
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	return states
}

// played is the content that a new call would pin; "" where none may.
func (w *world) played(r *calls.Recording) string {
	var ref calls.RecordingRef
	err := w.m.View(context.Background(), func(tx calls.ReadTx) error {
		rec, err := w.Resolve(tx, "main", calls.ClipID(r.ID))
		if err == nil {
			ref = rec.Ref()
		}
		return err
	})
	if err != nil && calls.CodeOf(err) != calls.CodeRecordingNotApproved {
		w.Fatal(err)
	}
	return ref.SHA256
}

func TestEveryStateTakesItsDecisionsAndNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	take := map[decision]func(context.Context, Decision) (*calls.Recording, error){
		approve: w.Approve, reject: w.Reject, archive: w.Archive, restore: w.Restore, revoke: w.Revoke,
	}
	pending := func() *calls.Recording { w.clock.Advance(time.Millisecond); return add(t, w.Library, 440) }
	approved := func() *calls.Recording { r := pending(); return w.must(w.Approve(ctx, by("anna", r))) }
	for name, c := range map[string]struct {
		make func() *calls.Recording
		want map[decision]calls.RecordingState
	}{
		"pending": {pending, map[decision]calls.RecordingState{approve: calls.RecordingIsApproved, reject: calls.RecordingIsRejected}},
		"pending above a live one": {func() *calls.Recording { return w.next(approved(), 500) },
			map[decision]calls.RecordingState{approve: calls.RecordingIsApproved, reject: calls.RecordingIsApproved, revoke: calls.RecordingIsRevoked}},
		"approved": {approved, map[decision]calls.RecordingState{archive: calls.RecordingArchived, revoke: calls.RecordingIsRevoked}},
		"archived": {func() *calls.Recording { r := approved(); return w.must(w.Archive(ctx, by("anna", r))) },
			map[decision]calls.RecordingState{restore: calls.RecordingIsApproved, revoke: calls.RecordingIsRevoked}},
		"rejected": {func() *calls.Recording { r := pending(); return w.must(w.Reject(ctx, by("anna", r))) }, nil},
		"revoked":  {func() *calls.Recording { r := approved(); return w.must(w.Revoke(ctx, by("anna", r))) }, nil},
	} {
		for d, f := range take {
			r := c.make()
			got, err := f(ctx, by("anna", r))
			if want, may := c.want[d]; may {
				if err != nil || got.State != want {
					t.Errorf("%s, %s: %+v, %v; want %s", name, d, got, err, want)
				}
			} else if calls.CodeOf(err) != calls.CodeWrongState {
				t.Errorf("%s, %s: %v; want wrong-state", name, d, err)
			}
		}
	}
}

func TestTheOldVersionPlaysUntilTheNewOneIsApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	r := w.must(w.Approve(ctx, by("anna", add(t, w.Library, 440))))
	first, id := r.SHA256, *r.RecordID
	r = w.next(r, 500)
	if r.State != calls.RecordingPending || r.Version != 2 || r.SHA256 == first || *r.RecordID != id || w.played(r) != first {
		t.Fatalf("%+v; played %s", r, w.played(r))
	}
	r = w.next(r, 600) // the one that waited is withdrawn
	third := r.SHA256
	if _, err := w.Approve(ctx, Decision{Account: "main", ID: r.ID, Actor: "anna", Version: 2}); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("a version that nobody heard was approved: %v", err)
	}
	r = w.must(w.Approve(ctx, Decision{Account: "main", ID: r.ID, Actor: "anna", Version: 3}))
	if r.State != calls.RecordingIsApproved || *r.RecordID != id || w.played(r) != third || w.versions(r) != "superseded withdrawn approved " {
		t.Errorf("%+v; played %s; %s", r, w.played(r), w.versions(r))
	}
	r = w.next(r, 700)
	r = w.must(w.Reject(ctx, by("anna", r)))
	if r.State != calls.RecordingIsApproved || r.Version != 3 || r.SHA256 != third || w.played(r) != third || w.versions(r) != "superseded withdrawn approved rejected " {
		t.Errorf("after a refusal: %+v; %s", r, w.versions(r))
	}
	last := w.m.state.events[len(w.m.state.events)-1]
	if last.Type != calls.RecordingRejected || !containsAll(string(last.Data), `"version":4`, `"state":"rejected"`, `"reason":"because"`) {
		t.Errorf("%s %s", last.Type, last.Data)
	}
	if r = w.next(r, 800); r.Version != 5 {
		t.Errorf("the number of a version came twice: %+v", r)
	}
}

func TestADecisionCanBeTakenBackForAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	r := add(t, w.Library, 440)
	undo := func(actor string) (*calls.Recording, error) { return w.Undo(ctx, "main", r.ID, actor) }
	_, err := undo("anna")
	wantCode(t, err, calls.CodeWrongState)
	r = w.must(w.Approve(ctx, by("anna", r)))
	id := *r.RecordID
	_, err = undo("boris")
	wantCode(t, err, calls.CodeForbidden)
	w.clock.Advance(UndoFor - time.Second)
	r = w.must(undo("anna"))
	if r.State != calls.RecordingPending || r.RecordID != nil || r.Live != nil || r.DecidedBy != "" || w.played(r) != "" || w.versions(r) != "pending " {
		t.Errorf("%+v", r)
	}
	_, err = undo("anna")
	wantCode(t, err, calls.CodeWrongState)
	other := w.must(w.Approve(ctx, by("anna", add(t, w.Library, 470))))
	r = w.must(w.Approve(ctx, by("boris", r)))
	if *r.RecordID != id || *other.RecordID == id {
		t.Errorf("the number of the approval that was taken back: %d and %d; want %d for the first alone", *r.RecordID, *other.RecordID, id)
	}
	first := r.SHA256
	r = w.next(r, 500)
	second := w.must(w.Approve(ctx, by("anna", r)))
	r = w.must(undo("anna"))
	if r.State != calls.RecordingPending || r.Version != 2 || *r.RecordID != id || w.played(r) != first || w.versions(r) != "approved pending " {
		t.Errorf("%+v; %s", r, w.versions(r))
	}
	w.must(w.Reject(ctx, by("anna", r)))
	if r = w.must(undo("anna")); r.Version != 2 || r.SHA256 != second.SHA256 || w.versions(r) != "approved pending " {
		t.Errorf("%+v; %s", r, w.versions(r))
	}
	w.must(w.Revoke(ctx, by("anna", r)))
	if r = w.must(undo("anna")); r.Revoked != nil || w.played(r) != first || w.versions(r) != "approved pending " {
		t.Errorf("%+v; %s", r, w.versions(r))
	}
	w.must(w.Reject(ctx, by("anna", r)))
	w.clock.Advance(UndoFor)
	_, err = undo("anna")
	wantCode(t, err, calls.CodeWrongState)
}

func TestARevocationEndsWhatWaitsAtOnceOrWhenItIsFinal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for cancel, final := range map[bool]time.Duration{false: UndoFor, true: 0} {
		r := w.must(w.Approve(context.Background(), by("anna", add(t, w.Library, 440))))
		r = w.must(w.Revoke(context.Background(), Decision{Account: "main", ID: r.ID, Actor: "anna", Reason: "a law", Cancel: cancel}))
		if r.Reason != "a law" || !r.Revoked.Bars(1) || r.Revoked.Bars(2) || r.Revoked.Final.Sub(r.Revoked.At) != final {
			t.Errorf("cancel %v: %+v", cancel, r.Revoked)
		}
		if r = w.next(r, 500); w.played(r) != "" {
			t.Error("a version that nobody approved is played")
		}
		if r = w.must(w.Approve(context.Background(), by("anna", r))); w.played(r) != r.SHA256 || r.Revoked.Bars(2) || !r.Revoked.Bars(1) {
			t.Errorf("after a new version: %+v", r)
		}
	}
}

func TestOneModeratorAtATimeHasARecording(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	first := add(t, w.Library, 440)
	w.clock.Advance(time.Millisecond)
	second := add(t, w.Library, 500)
	if r := w.must(w.ClaimNext(ctx, "main", "anna")); r.ID != first.ID || r.ClaimedBy != "anna" || !r.ClaimedUntil.Equal(w.clock.Now().Add(DefaultClaim)) {
		t.Errorf("%+v", r)
	}
	if r := w.must(w.ClaimNext(ctx, "main", "anna")); r.ID != first.ID {
		t.Errorf("anna has one already, and got %s", r.ID)
	}
	if r := w.must(w.ClaimNext(ctx, "main", "boris")); r.ID != second.ID {
		t.Errorf("%+v", r)
	}
	_, err := w.ClaimNext(ctx, "main", "clara")
	wantCode(t, err, calls.CodeNotFound)
	for _, f := range []func() (*calls.Recording, error){
		func() (*calls.Recording, error) { return w.Claim(ctx, "main", first.ID, "boris") },
		func() (*calls.Recording, error) { return w.Approve(ctx, by("boris", first)) },
		func() (*calls.Recording, error) { return w.Reject(ctx, by("boris", first)) },
	} {
		_, err := f()
		if e := wantCode(t, err, calls.CodeWrongState); e.Extra["claimed_by"] != "anna" {
			t.Errorf("%+v", e)
		}
	}
	_, err = w.Release(ctx, "main", first.ID, "boris")
	wantCode(t, err, calls.CodeWrongState)
	w.must(w.Release(ctx, "main", first.ID, "anna"))
	w.must(w.Claim(ctx, "main", first.ID, "clara"))
	w.clock.Advance(DefaultClaim)
	r := w.must(w.Approve(ctx, by("boris", first))) // the claim is over
	if r.ClaimedBy != "" {
		t.Errorf("%+v", r)
	}
	_, err = w.Claim(ctx, "main", first.ID, "boris")
	wantCode(t, err, calls.CodeWrongState)
}

func TestFourEyesAndTwoApprovals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.FourEyes, c.Approvals = true, 2 })
	ctx := context.Background()
	r := add(t, w.Library, 440)
	_, err := w.Approve(ctx, by("bot", r))
	wantCode(t, err, calls.CodeForbidden)
	_, err = w.ClaimNext(ctx, "main", "bot")
	wantCode(t, err, calls.CodeNotFound)
	r = w.must(w.Approve(ctx, by("anna", r)))
	if r.State != calls.RecordingPending || len(r.Approvals) != 1 || r.RecordID != nil || w.played(r) != "" {
		t.Fatalf("after the first: %+v", r)
	}
	if last := w.m.state.events[len(w.m.state.events)-1]; last.Type != calls.RecordingEndorsed {
		t.Errorf("%s", last.Type)
	}
	_, err = w.Approve(ctx, by("anna", r))
	wantCode(t, err, calls.CodeForbidden)
	_, err = w.ClaimNext(ctx, "main", "anna")
	wantCode(t, err, calls.CodeNotFound)
	if r = w.must(w.Undo(ctx, "main", r.ID, "anna")); len(r.Approvals) != 0 {
		t.Errorf("%+v", r)
	}
	w.must(w.Approve(ctx, by("anna", r)))
	r = w.must(w.Approve(ctx, by("boris", r)))
	if r.State != calls.RecordingIsApproved || len(r.Approvals) != 0 || r.DecidedBy != "boris" {
		t.Errorf("after the second: %+v", r)
	}
	r = w.next(w.must(w.Approve(ctx, by("anna", w.next(r, 500)))), 600)
	if len(r.Approvals) != 0 {
		t.Errorf("an approval of another version counts: %+v", r)
	}
	if _, err := w.Reject(ctx, by("bot", r)); err != nil {
		t.Errorf("whoever uploaded it may take it back: %v", err)
	}
}

func TestAnArchivedRecordingTakesNoVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	r := w.must(w.Approve(ctx, by("anna", add(t, w.Library, 440))))
	w.must(w.Archive(ctx, by("anna", r)))
	if w.played(r) != "" {
		t.Error("a new call plays what is archived")
	}
	_, err := w.AddVersion(ctx, "main", r.ID, "bot", clip(500, 8*time.Second))
	wantCode(t, err, calls.CodeWrongState)
	_, err = w.AddVersion(ctx, "other", r.ID, "bot", clip(500, 8*time.Second))
	wantCode(t, err, calls.CodeNotFound)
	if r = w.must(w.Restore(ctx, by("anna", r))); w.played(r) != r.SHA256 || r.Live == nil {
		t.Errorf("%+v", r)
	}
}
