package store

import (
	"reflect"
	"testing"

	"zvonar/internal/calls"
)

func templatesComeBack(t *testing.T, s calls.Store) {
	r := storedRecording(t, s, "rec_1", calls.RecordingIsApproved, sha("a"))
	n := int64(1460168)
	r.RecordID, r.Text, r.Voice, r.CallID, r.Node = &n, "Ваш долг {sum}", "male", "call_1", "a"
	r.Variables = []calls.Variable{{Name: "sum", Kind: calls.VariableSum, MaxLength: 16, Currency: "RUB", Sample: "1"}}
	r.Live = &calls.LiveVersion{Version: 1, SHA256: r.SHA256, Template: &calls.Template{Text: r.Text, Voice: r.Voice, Variables: r.Variables}}
	update(t, s, func(tx calls.Tx) error { return tx.UpdateRecording(r) })
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Recording("main", r.ID)
		if err != nil || got.Node != "a" || got.CallID != "call_1" || !reflect.DeepEqual(got.Template(), r.Live.Template) || !reflect.DeepEqual(got.Live, r.Live) {
			t.Errorf("%+v, %v", got, err)
		}
		standing, err := tx.ClipStanding(r.ID, 1)
		if err != nil || standing.RecordID != n {
			t.Errorf("%+v, %v", standing, err)
		}
		return nil
	})
}

func TestForgettingACallForgetsWhatItSaid(t *testing.T) {
	t.Parallel()
	c := &calls.Call{To: "79004443322", Variables: map[string]string{"name": "Анна"}}
	c.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1": {RecordingID: "rec_1", Text: "Здравствуйте, Анна!", Voice: "ru-male"}, "2": {RecordingID: "rec_2", SHA256: sha("a")}}
	forget(c)
	if c.Variables != nil || c.Flow.Clips["1"].Text != calls.ErasedText || c.Flow.Clips["2"].Text != "" {
		t.Errorf("%+v", c)
	}
}
