package store

import (
	"errors"
	"testing"

	"zvonar/internal/calls"
)

func recordingsAreFoundByText(t *testing.T, s calls.Store) {
	add := func(id, account, text, voice string, system bool) *calls.Recording {
		r := &calls.Recording{ID: id, Account: account, State: calls.RecordingPending, Version: 1, SHA256: sha("a"), Text: text, Voice: voice, System: system, CreatedAt: testTime}
		update(t, s, func(tx calls.Tx) error { return tx.InsertRecording(r) })
		return r
	}
	first := add("rec_1", "main", "Good afternoon!", "male", false)
	add("rec_2", "main", "Good afternoon!", "female", false)
	add("rec_3", "main", "Good afternoon!", "male", true)
	add("rec_4", "other", "Good afternoon!", "male", false)
	add("rec_5", "main", "", "", false)
	add("rec_6", "main", "Good afternoon!", "male", false)
	found := func(want ...string) {
		t.Helper()
		view(t, s, func(tx calls.ReadTx) error {
			key := calls.SpokenText{Text: " Good\n afternoon! ", Voice: "male"}.Key()
			list, err := tx.Recordings(calls.RecordingFilter{Account: "main", TextKey: key, Limit: 10})
			if errors.Is(err, calls.ErrNotFound) {
				err = nil
			}
			var ids []string
			for _, r := range list {
				ids = append(ids, r.ID)
			}
			same(t, "recordings", ids, want)
			return err
		})
	}
	found("rec_6", "rec_1")
	first.Text, first.Voice, first.Version = "", "", 2 // a file took its place
	update(t, s, func(tx calls.Tx) error { return tx.UpdateRecording(first) })
	found("rec_6")
}
