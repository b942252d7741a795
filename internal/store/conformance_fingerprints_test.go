package store

import (
	"testing"

	"zvonar/internal/calls"
)

func fingerprintsRoundTrip(t *testing.T, s calls.Store) {
	mine, second, foreign := filled[calls.Fingerprint](), filled[calls.Fingerprint](), filled[calls.Fingerprint]()
	mine.ID, second.ID, foreign.ID = "fp_1", "fp_2", "fp_0"
	mine.Account, second.Account, foreign.Account = "main", "main", "other"
	update(t, s, func(tx calls.Tx) error {
		for _, f := range []*calls.Fingerprint{second, mine, foreign} {
			if err := tx.InsertFingerprint(f); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx calls.ReadTx) error {
		list, err := tx.Fingerprints("main")
		same(t, "those of main", list, []*calls.Fingerprint{mine, second})
		if err != nil {
			return err
		}
		list, err = tx.Fingerprints("")
		same(t, "all", list, []*calls.Fingerprint{foreign, mine, second})
		return err
	})
	update(t, s, func(tx calls.Tx) error {
		if there, err := tx.DeleteFingerprint("other", "fp_1"); there || err != nil {
			t.Errorf("another account's: %v, %v", there, err)
		}
		there, err := tx.DeleteFingerprint("main", "fp_1")
		if !there {
			t.Error("fp_1 was not there")
		}
		return err
	})
	view(t, s, func(tx calls.ReadTx) error {
		list, err := tx.Fingerprints("main")
		same(t, "what is left", list, []*calls.Fingerprint{second})
		return err
	})
}
