package store

import (
	"errors"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func evidenceIsKeptAndCounted(t *testing.T, s calls.Store) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	make := func(id, account, trunk string, hour int, label calls.Label, verdict calls.Verdict) *calls.Evidence {
		e := filled[calls.Evidence]()
		e.CallID, e.Account, e.Trunk, e.CalledAt, e.Label, e.Verdict, e.Rescored = id, account, trunk, at.Add(time.Duration(hour)*time.Hour), label, verdict, ""
		return e
	}
	list := []*calls.Evidence{
		make("call_1", "main", "a", 0, calls.LabelHuman, calls.VerdictHuman), make("call_2", "main", "a", 1, calls.LabelHuman, calls.VerdictMachine),
		make("call_3", "main", "b", 2, calls.LabelMachine, calls.VerdictMachine), make("call_4", "main", "a", 3, "", calls.VerdictMachine),
		make("call_5", "other", "a", 0, calls.LabelHuman, calls.VerdictHuman), make("call_6", "main", "a", 4, calls.LabelHuman, calls.VerdictHuman),
	}
	update(t, s, func(tx calls.Tx) error {
		for _, e := range list {
			if err := tx.PutEvidence(e); err != nil {
				return err
			}
		}
		list[5].Verdict, list[5].LabelledAt, list[5].RescoredAt = calls.VerdictUnknown, at, time.Time{} // again
		return tx.PutEvidence(list[5])
	})
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Evidence("call_6")
		same(t, "what was replaced", got, list[5])
		if err != nil {
			return err
		}
		if _, err := tx.Evidence("call_9"); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("of no call: %v", err)
		}
		labelled, err := tx.Labelled(calls.EvidenceFilter{Account: "main", After: "call_1", Limit: 2})
		same(t, "the second page", labelled, []*calls.Evidence{list[1], list[2]})
		if err != nil {
			return err
		}
		labelled, err = tx.Labelled(calls.EvidenceFilter{Account: "main", Trunk: "a", Since: at.Add(time.Hour), Until: at.Add(4 * time.Hour), Limit: 9})
		same(t, "a trunk and a period", labelled, []*calls.Evidence{list[1]})
		if err != nil {
			return err
		}
		counts, err := tx.CompareLabels(calls.EvidenceFilter{Account: "main"})
		same(t, "counts", counts, []calls.EvidenceCount{
			{Trunk: "a", Label: calls.LabelHuman, Verdict: calls.VerdictHuman, Calls: 1}, {Trunk: "a", Label: calls.LabelHuman, Verdict: calls.VerdictMachine, Calls: 1},
			{Trunk: "a", Label: calls.LabelHuman, Verdict: calls.VerdictUnknown, Calls: 1}, {Trunk: "b", Label: calls.LabelMachine, Verdict: calls.VerdictMachine, Calls: 1},
		})
		return err
	})
}
