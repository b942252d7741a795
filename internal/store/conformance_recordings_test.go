package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// storedRecording inserts a recording as the version before this one wrote it:
// without rows of versions.
func storedRecording(t *testing.T, s calls.Store, id string, state calls.RecordingState, sha string) *calls.Recording {
	t.Helper()
	r := &calls.Recording{ID: id, Account: "main", Title: id, State: state, Version: 1, SHA256: sha, CreatedAt: testTime}
	update(t, s, func(tx calls.Tx) error { return tx.InsertRecording(r) })
	return r
}

func sha(c string) string { return strings.Repeat(c, 64) }

func versionsRoundTrip(t *testing.T, s calls.Store) {
	r := storedRecording(t, s, "rec_1", calls.RecordingIsApproved, sha("a"))
	view(t, s, func(tx calls.ReadTx) error {
		list, err := tx.RecordingVersions("main", r.ID)
		if len(list) != 1 || list[0].State != calls.RecordingIsApproved || list[0].SHA256 != sha("a") {
			t.Errorf("a recording without versions is its own: %+v", list)
		}
		if _, none := tx.RecordingVersion("main", r.ID, 2); !errors.Is(none, calls.ErrNotFound) {
			t.Errorf("version 2: %v", none)
		}
		return err
	})
	first, second := filled[calls.ClipVersion](), filled[calls.ClipVersion]()
	for i, v := range []*calls.ClipVersion{first, second} {
		v.RecordingID, v.Account, v.Version = r.ID, "main", i+1
	}
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.PutRecordingVersion(first), tx.PutRecordingVersion(second))
	})
	second.State, second.SHA256 = calls.RecordingIsRejected, sha("b")
	update(t, s, func(tx calls.Tx) error { return tx.PutRecordingVersion(second) })
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.RecordingVersion("main", r.ID, 2)
		same(t, "version", got, second)
		list, err2 := tx.RecordingVersions("main", r.ID)
		same(t, "versions", list, []*calls.ClipVersion{second, first})
		if _, foreign := tx.RecordingVersion("other", r.ID, 2); !errors.Is(foreign, calls.ErrNotFound) {
			t.Errorf("another account's: %v", foreign)
		}
		return errors.Join(err, err2)
	})
	update(t, s, func(tx calls.Tx) error {
		if err := tx.DeleteRecording("other", r.ID); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("deleted by another account: %v", err)
		}
		return tx.DeleteRecording("main", r.ID)
	})
	view(t, s, func(tx calls.ReadTx) error {
		if list, err := tx.RecordingVersions("main", r.ID); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("after the deletion: %+v, %v", list, err)
		}
		return nil
	})
}

func standingsAreTold(t *testing.T, s calls.Store) {
	r := storedRecording(t, s, "rec_1", calls.RecordingIsApproved, sha("a"))
	standing := func(version int) (got calls.Standing, err error) {
		view(t, s, func(tx calls.ReadTx) error { got, err = tx.ClipStanding(r.ID, version); return nil })
		return got, err
	}
	if got, err := standing(1); err != nil || got.Version != calls.RecordingIsApproved || got.Revoked != nil {
		t.Errorf("without versions: %+v, %v", got, err)
	}
	final := testTime.Add(time.Minute)
	update(t, s, func(tx calls.Tx) error {
		old := r.Upload()
		old.State = calls.VersionSuperseded
		r.Version, r.State, r.Revoked = 2, calls.RecordingPending, &calls.Revocation{Through: 1, At: testTime, Final: final}
		return errors.Join(tx.PutRecordingVersion(old), tx.PutRecordingVersion(r.Upload()), tx.UpdateRecording(r))
	})
	for version, want := range map[int]calls.RecordingState{1: calls.VersionSuperseded, 2: calls.RecordingPending} {
		got, err := standing(version)
		if err != nil || got.Version != want || got.Revoked.Bars(version) != (version == 1) || !got.Revoked.Final.Equal(final) || !got.Revoked.At.Equal(testTime) {
			t.Errorf("version %d: %+v, %v", version, got, err)
		}
	}
	if _, err := standing(3); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("version 3: %v", err)
	}
}

func contentIsCondemned(t *testing.T, s calls.Store) {
	r := storedRecording(t, s, "rec_1", calls.RecordingIsApproved, sha("a"))
	update(t, s, func(tx calls.Tx) error {
		v := r.Upload()
		v.SHA256 = sha("b")
		return tx.PutRecordingVersion(v)
	})
	update(t, s, func(tx calls.Tx) error {
		for c, want := range map[string]bool{"a": false, "b": false, "c": true} {
			ok, err := tx.CondemnContent(sha(c), testTime)
			if err != nil || ok != want {
				t.Errorf("condemn %s: %v, %v; want %v", c, ok, err, want)
			}
		}
		again, err := tx.CondemnContent(sha("c"), testTime)
		if !again {
			t.Error("one that is condemned already could not be condemned")
		}
		return err
	})
	is := func(c string) (yes bool) {
		view(t, s, func(tx calls.ReadTx) (err error) { yes, err = tx.ContentCondemned(sha(c)); return err })
		return yes
	}
	if is("a") || !is("c") {
		t.Error("condemned: a, or not c")
	}
	update(t, s, func(tx calls.Tx) error { return tx.AcquitContent(sha("c")) })
	if is("c") {
		t.Error("c is condemned still")
	}
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.CondemnContent(sha("d"), testTime)
		_, err2 := tx.CondemnContent(sha("e"), testTime.Add(time.Second))
		return errors.Join(err, err2, tx.AcquitBefore(testTime.Add(time.Second)))
	})
	if is("d") || !is("e") {
		t.Error("d is condemned still, or e is not")
	}
}

func recordingsAreListed(t *testing.T, s calls.Store) {
	for i, c := range []string{"a", "b", "a"} {
		storedRecording(t, s, "rec_"+string(rune('1'+i)), calls.RecordingPending, sha(c))
	}
	list := func(f calls.RecordingFilter) (ids string) {
		f.Account = "main"
		view(t, s, func(tx calls.ReadTx) error {
			rows, err := tx.Recordings(f)
			for _, r := range rows {
				ids += r.ID[4:]
			}
			return err
		})
		return ids
	}
	for _, c := range []struct {
		f    calls.RecordingFilter
		want string
	}{
		{calls.RecordingFilter{}, "321"},
		{calls.RecordingFilter{Oldest: true}, "123"},
		{calls.RecordingFilter{Oldest: true, Cursor: "rec_1", Limit: 1}, "2"},
		{calls.RecordingFilter{Cursor: "rec_3"}, "21"},
		{calls.RecordingFilter{SHA256: sha("a")}, "31"},
		{calls.RecordingFilter{State: calls.RecordingIsApproved}, ""},
	} {
		if got := list(c.f); got != c.want {
			t.Errorf("%+v: %s; want %s", c.f, got, c.want)
		}
	}
}
