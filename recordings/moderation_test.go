package recordings

import (
	"context"
	"errors"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// by is a decision of actor on r.
func by(actor string, r *calls.Recording) Decision {
	return Decision{Account: r.Account, ID: r.ID, Actor: actor, Reason: "because"}
}

func TestApproveGivesTheRecordID(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	first, second := add(t, l, 440), add(t, l, 500)
	for i, r := range []*calls.Recording{second, first} {
		got, err := l.Approve(context.Background(), by("anna", r))
		if err != nil {
			t.Fatal(err)
		}
		if got.State != calls.RecordingIsApproved || got.RecordID == nil || *got.RecordID != 1460168+int64(i) || got.DecidedBy != "anna" || !got.DecidedAt.Equal(noon) {
			t.Errorf("%+v", got)
		}
	}
	last := m.state.events[len(m.state.events)-1]
	if last.Type != calls.RecordingApproved || last.Subject != "recording:"+first.ID || last.Seq != 2 {
		t.Errorf("%+v", last)
	}
	if len(m.state.audit) != 2 || m.state.audit[0].Actor != "anna" || m.state.audit[0].Action != "recording.approve" {
		t.Errorf("%+v", m.state.audit)
	}
}

func TestDecisionsAreFinal(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	approved, rejected := add(t, l, 440), add(t, l, 500)
	ctx := context.Background()
	if _, err := l.Approve(ctx, by("anna", approved)); err != nil {
		t.Fatal(err)
	}
	r, err := l.Reject(ctx, Decision{Account: "main", ID: rejected.ID, Actor: "anna", Reason: " too loud "})
	if err != nil || r.State != calls.RecordingIsRejected || r.Reason != "too loud" || r.RecordID != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	events := len(m.state.events)
	for _, id := range []string{approved.ID, rejected.ID} {
		_, err := l.Approve(ctx, Decision{Account: "main", ID: id, Actor: "anna"})
		wantCode(t, err, calls.CodeWrongState)
		_, err = l.Reject(ctx, Decision{Account: "main", ID: id, Actor: "anna", Reason: "no"})
		wantCode(t, err, calls.CodeWrongState)
	}
	if len(m.state.events) != events {
		t.Error("a refused decision made an event")
	}
}

func TestDecisionsNeedARecordingAndAReason(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	r := add(t, l, 440)
	ctx := context.Background()
	_, err := l.Approve(ctx, Decision{Account: "other", ID: r.ID, Actor: "anna"})
	wantCode(t, err, calls.CodeNotFound)
	_, err = l.Approve(ctx, Decision{Account: "main", ID: "rec_nothing", Actor: "anna"})
	wantCode(t, err, calls.CodeNotFound)
	for _, reason := range []string{"", "  ", "a\x00", strings.Repeat("a", 1001)} {
		_, err = l.Reject(ctx, Decision{Account: "main", ID: r.ID, Actor: "anna", Reason: reason})
		wantCode(t, err, calls.CodeInvalidField)
	}
}

func TestAUnitThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"update", "event", "audit"} {
		l, m := library(t)
		r := add(t, l, 440)
		m.failAt = op
		if _, err := l.Approve(context.Background(), by("anna", r)); !errors.Is(err, errDisk) {
			t.Fatalf("%s: %v", op, err)
		}
		if got := m.state.recordings[0]; got.State != calls.RecordingPending || got.RecordID != nil || len(m.state.events) != 1 {
			t.Errorf("%s: %+v, %d events", op, got, len(m.state.events))
		}
		m.failAt = ""
		got, err := l.Approve(context.Background(), by("anna", r))
		if err != nil || *got.RecordID != 1460168 {
			t.Errorf("%s: again: %+v, %v", op, got, err)
		}
	}
}

func TestResolveFindsApprovedRecordingsByEitherName(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	approved, pending := add(t, l, 440), add(t, l, 500)
	if _, err := l.Approve(context.Background(), by("anna", approved)); err != nil {
		t.Fatal(err)
	}
	resolve := func(account string, id calls.ClipID) (r *calls.Recording, err error) {
		err = m.View(context.Background(), func(tx calls.ReadTx) error {
			r, err = l.Resolve(tx, account, id)
			return err
		})
		return r, err
	}
	for _, id := range []calls.ClipID{"1460168", calls.ClipID(approved.ID)} {
		r, err := resolve("main", id)
		if err != nil || r.ID != approved.ID || r.Ref().RecordID != 1460168 {
			t.Errorf("%s: %+v, %v", id, r, err)
		}
	}
	_, err := resolve("main", calls.ClipID(pending.ID))
	wantCode(t, err, calls.CodeRecordingNotApproved)
	for _, id := range []calls.ClipID{"", "1", "-1", "99999999999999999999", "rec_x", calls.ClipID(strings.Repeat("x", 100))} {
		_, err := resolve("main", id)
		wantCode(t, err, calls.CodeUnknownRecording)
	}
	_, err = resolve("other", "1460168")
	wantCode(t, err, calls.CodeUnknownRecording)
}
