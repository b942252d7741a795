package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func campaignsRoundTrip(t *testing.T, s calls.Store) {
	c := filled[calls.Campaign]()
	c.ID, c.State, c.Flow.Clips = "camp_2", calls.CampaignDraft, nil
	first := &calls.Campaign{ID: "camp_1", Account: c.Account, State: calls.CampaignIsRunning}
	foreign := &calls.Campaign{ID: "camp_0", Account: "other", State: calls.CampaignIsPaused}
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.InsertCampaign(c), tx.InsertCampaign(first), tx.InsertCampaign(foreign))
	})
	ids := func(f calls.CampaignFilter) (got []string) {
		view(t, s, func(tx calls.ReadTx) error {
			list, err := tx.Campaigns(f)
			for _, c := range list {
				got = append(got, c.ID)
			}
			return err
		})
		return got
	}
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Campaign(c.Account, c.ID)
		same(t, "campaign", got, c)
		if _, err := tx.Campaign("other", c.ID); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("another account's campaign: %v", err)
		}
		return err
	})
	same(t, "of the account", ids(calls.CampaignFilter{Account: c.Account}), []string{"camp_2", "camp_1"})
	same(t, "live or to start", ids(calls.CampaignFilter{Live: true}), []string{"camp_2", "camp_1", "camp_0"})
	same(t, "after a cursor", ids(calls.CampaignFilter{Cursor: "camp_2", Limit: 1}), []string{"camp_1"})
	c.State, c.PauseReason = calls.CampaignIsStopped, "enough"
	update(t, s, func(tx calls.Tx) error { return tx.UpdateCampaign(c) })
	same(t, "live", ids(calls.CampaignFilter{Live: true}), []string{"camp_1", "camp_0"})
	same(t, "stopped", ids(calls.CampaignFilter{State: calls.CampaignIsStopped}), []string{"camp_2"})
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		return tx.UpdateCampaign(&calls.Campaign{ID: "camp_1", Account: "other"})
	})
	if !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("another account's campaign was changed: %v", err)
	}
}

// listed adds contacts with the given numbers to camp_1 of main.
func listed(t *testing.T, s calls.Store, zones string, numbers ...string) (list []*calls.Contact) {
	t.Helper()
	for i, n := range numbers {
		list = append(list, &calls.Contact{Number: n, Line: int64(i + 2), Zones: zones})
	}
	addContacts(t, s, "camp_1", list)
	return list
}

// addContacts adds all of a list, in as many units as others leave it.
func addContacts(t *testing.T, s calls.Store, campaign string, list []*calls.Contact) (added int) {
	t.Helper()
	for len(list) > 0 {
		update(t, s, func(tx calls.Tx) error {
			taken, n, err := tx.AddContacts("main", campaign, list)
			list, added = list[taken:], added+n
			return err
		})
	}
	return added
}

func counts(t *testing.T, s calls.Store) (c calls.CampaignCounts) {
	t.Helper()
	view(t, s, func(tx calls.ReadTx) (err error) { c, err = tx.CampaignCounts("main", "camp_1"); return err })
	return c
}

func contactsRoundTrip(t *testing.T, s calls.Store) {
	var list []*calls.Contact
	for i := range 150 { // more than one statement takes
		c := &calls.Contact{Number: fmt.Sprintf("7900000%04d", i), Line: int64(i + 1), Zones: "Europe/Moscow", Turn: int64(i)}
		if i == 7 {
			f := filled[calls.Contact]()
			c.Ref, c.Variables, c.Record, c.Digits, c.Manager, c.NotBefore, c.Timezone = f.Ref, f.Variables, f.Record, f.Digits, f.Manager, f.NotBefore, f.Timezone
		}
		list = append(list, c)
	}
	if added := addContacts(t, s, "camp_1", list); added != 150 {
		t.Fatalf("%d were added", added)
	}
	again := []*calls.Contact{{Number: "79000000003"}, {Number: "79000009999"}, {Number: "79000000003", Ref: "another matter"}, {Number: "1", Ref: list[7].Ref}}
	if added := addContacts(t, s, "camp_1", again); added != 2 {
		t.Errorf("of two known ones and two new ones %d were added", added)
	}
	added := addContacts(t, s, "camp_2", again)
	if c := counts(t, s); added != 4 || c[calls.CountTotal] != 152 || c.Waiting() != 152 {
		t.Errorf("%d in another campaign; counts %v", added, c)
	}
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Contact("main", "camp_1", 8)
		same(t, "a contact", got, list[7])
		page, err2 := tx.Contacts(calls.ContactFilter{Account: "main", Campaign: "camp_1", After: 148, Limit: 3})
		if len(page) != 3 || page[0].N != 149 || page[2].Number != "79000009999" {
			t.Errorf("a page: %+v", page)
		}
		foreign, err3 := tx.Contacts(calls.ContactFilter{Account: "other", Campaign: "camp_1"})
		if len(foreign) > 0 {
			t.Error("another account's contacts are shown")
		}
		named, err4 := tx.Contacts(calls.ContactFilter{Account: "main", Campaign: "camp_1", Ref: list[7].Ref})
		if len(named) != 1 || named[0].N != 8 {
			t.Errorf("found by its ref: %+v", named)
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func contactsStandInLine(t *testing.T, s calls.Store) {
	listed(t, s, "Europe/Moscow", "71", "72", "73")
	listed(t, s, "Asia/Omsk Asia/Tomsk", "74")
	listed(t, s, "", "75") // of no zone that is known: never in line
	line := func(now int64) (numbers []string) {
		view(t, s, func(tx calls.ReadTx) error {
			next, err := tx.NextContacts("main", "camp_1", "Europe/Moscow", now, 10)
			for _, c := range next {
				numbers = append(numbers, c.Number)
			}
			return err
		})
		return numbers
	}
	same(t, "the line", line(0), []string{"71", "72", "73"})
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.PlaceContact("main", "camp_1", 3, -1), tx.PlaceContact("main", "camp_1", 1, 500))
	})
	same(t, "after moves", line(499), []string{"73", "72"})
	same(t, "later", line(500), []string{"73", "72", "71"})
	view(t, s, func(tx calls.ReadTx) error {
		lines, err := tx.ContactLines("main", "camp_1")
		same(t, "lines", lines, []calls.ContactLine{{Zones: "Asia/Omsk Asia/Tomsk"}, {Zones: "Europe/Moscow", Turn: -1}})
		return err
	})
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.TakeContact("main", "camp_1", 3, "call_3"), tx.DropContact("main", "camp_1", 2, calls.ContactSkipped, "asked for"))
	})
	same(t, "what is left", line(500), []string{"71"})
	for what, fn := range map[string]func(calls.Tx) error{
		"taken twice":  func(tx calls.Tx) error { return tx.TakeContact("main", "camp_1", 3, "call_4") },
		"dropped":      func(tx calls.Tx) error { return tx.DropContact("main", "camp_1", 3, calls.ContactSkipped, "") },
		"moved":        func(tx calls.Tx) error { return tx.PlaceContact("main", "camp_1", 2, 1) },
		"of another's": func(tx calls.Tx) error { return tx.TakeContact("other", "camp_1", 1, "call_5") },
	} {
		if err := s.Update(t.Context(), fn); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if c := counts(t, s); c[calls.CountCalling] != 1 || c[calls.CountSkipped] != 1 || c.Waiting() != 3 {
		t.Errorf("counts %v", c)
	}
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: "71"})
		return err
	})
	view(t, s, func(tx calls.ReadTx) error {
		census, err := tx.CountContacts("main", "camp_1")
		same(t, "census", census, calls.ContactCensus{ByZones: map[string]int64{"": 1, "Europe/Moscow": 1, "Asia/Omsk Asia/Tomsk": 1}, Blocked: 1})
		return err
	})
}

// calledContact makes a call of contact n of camp_1.
func calledContact(t *testing.T, s calls.Store, n int64) *calls.Call {
	t.Helper()
	c := &calls.Call{ID: fmt.Sprintf("call_%d", n), Account: "main", To: "71", CampaignID: "camp_1", Contact: n, Status: calls.StatusQueued, Direction: calls.Out}
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.InsertCall(c), tx.TakeContact("main", "camp_1", n, c.ID))
	})
	return c
}

func contactsAreSettledOnce(t *testing.T, s calls.Store) {
	listed(t, s, "Europe/Moscow", "71", "72")
	c := calledContact(t, s, 1)
	calledContact(t, s, 2)
	view(t, s, func(tx calls.ReadTx) error {
		live, err := tx.LiveOfCampaign("main", "camp_1")
		same(t, "live", live, map[calls.Status]int64{calls.StatusQueued: 2})
		return err
	})
	c.Status, c.Outcome, c.AnsweredAt, c.EndedAt, c.TalkMS = calls.StatusCompleted, calls.OutcomeAnswered, ptr(testTime), ptr(testTime.Add(time.Second)), 1000
	c.Attempts = []calls.Attempt{{Role: calls.RoleCustomer, Charged: true}, {Role: calls.RoleManager, Charged: true}}
	c.Digits = []calls.DigitPress{{Digit: "3", Leg: calls.RoleCustomer}}
	for range 2 {
		update(t, s, func(tx calls.Tx) error { return errors.Join(tx.UpdateCall(c), tx.SettleContact(c)) })
	}
	want := calls.CampaignCounts{calls.CountNext: 2, calls.CountTotal: 2, calls.CountCalling: 1, calls.CountDone: 1, calls.CountOutcome + "answered": 1,
		calls.CountDialed: 1, calls.CountRang: 1, calls.CountAnswered: 1, calls.CountPeople: 1, calls.CountPressed: 1, calls.CountAttempts: 1, calls.CountTalkMS: 1000}
	same(t, "counts", counts(t, s), want)
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Contact("main", "camp_1", 1)
		same(t, "result", got.Result, calls.ContactResult{Attempts: 1, AnsweredAt: ptr(testTime), TalkMS: 1000, Digits: "3"})
		if got.State != calls.ContactDone || got.Outcome != calls.OutcomeAnswered || !got.EndedAt.Equal(testTime.Add(time.Second)) {
			t.Errorf("%+v", got)
		}
		n, err2 := tx.DoneSince("main", "camp_1", testTime.UnixMicro())
		later, err3 := tx.DoneSince("main", "camp_1", testTime.Add(2*time.Second).UnixMicro())
		if n != 1 || later != 0 {
			t.Errorf("done since: %d, %d", n, later)
		}
		return errors.Join(err, err2, err3)
	})
	other := &calls.Call{ID: "x", Account: "main", Status: calls.StatusCompleted}
	update(t, s, func(tx calls.Tx) error { return tx.SettleContact(other) })
}

func contactsGo(t *testing.T, s calls.Store) {
	update(t, s, func(tx calls.Tx) error {
		return tx.InsertCampaign(&calls.Campaign{ID: "camp_1", Account: "main", State: calls.CampaignIsStopped})
	})
	listed(t, s, "Europe/Moscow", "79001112233", "72", "73")
	update(t, s, func(tx calls.Tx) error {
		_, more, err := tx.Erase(calls.Erasure{ID: "era_1", Account: "main", Number: "79001112233", At: testTime}, 10)
		if !more {
			t.Error("the contact was not found")
		}
		if err == nil {
			_, more, err = tx.Erase(calls.Erasure{ID: "era_1", Account: "main", Number: "79001112233", At: testTime}, 10)
		}
		if more {
			t.Error("the erasure has no end")
		}
		return err
	})
	view(t, s, func(tx calls.ReadTx) error {
		got, err := tx.Contact("main", "camp_1", 1)
		if got.Number != calls.ErasedText || got.State != calls.ContactSkipped || got.Zones != "" {
			t.Errorf("%+v", got)
		}
		return err
	})
	drop := func(account string, limit int) (more bool, err error) {
		err = s.Update(t.Context(), func(tx calls.Tx) (err error) { more, err = tx.DeleteCampaign(account, "camp_1", limit); return err })
		return more, err
	}
	if _, err := drop("other", 10); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("another account's: %v", err)
	}
	if more, err := drop("main", 2); !more || err != nil {
		t.Errorf("first portion: %v, %v", more, err)
	}
	if more, err := drop("main", 2); more || err != nil {
		t.Errorf("last portion: %v, %v", more, err)
	}
	view(t, s, func(tx calls.ReadTx) error {
		_, err := tx.Campaign("main", "camp_1")
		list, _ := tx.Contacts(calls.ContactFilter{Account: "main", Campaign: "camp_1"})
		if !errors.Is(err, calls.ErrNotFound) || len(list) > 0 || len(counts(t, s)) > 0 {
			t.Errorf("left: %v, %d contacts", err, len(list))
		}
		return nil
	})
}

func contactsLeftAreCounted(t *testing.T, s calls.Store) {
	update(t, s, func(tx calls.Tx) error {
		return tx.InsertCampaign(&calls.Campaign{ID: "camp_1", Account: "main", State: calls.CampaignIsRunning, Flow: calls.DefaultFlow(), CreatedAt: testTime})
	})
	listed(t, s, "Europe/Moscow", "71", "72", "73", "74")
	listed(t, s, "Asia/Omsk Asia/Tomsk", "75", "76")
	over := calledContact(t, s, 1)
	calledContact(t, s, 2)
	calledContact(t, s, 5)
	calledContact(t, s, 6)
	over.Status, over.Outcome, over.EndedAt = calls.StatusCompleted, calls.OutcomeBusy, ptr(testTime.Add(time.Second))
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.UpdateCall(over), tx.SettleContact(over), tx.PlaceContact("main", "camp_1", 4, -7))
	})
	view(t, s, func(tx calls.ReadTx) error {
		left, err := tx.ContactsLeft("main", "camp_1")
		same(t, "left", left, []calls.ContactsLeft{{Zones: "Europe/Moscow", N: 3, Number: "74", Turn: -7}, {Zones: "Asia/Omsk Asia/Tomsk", N: 2, Number: "75"}})
		others, err2 := tx.ContactsLeft("other", "camp_1")
		last, err3 := tx.LastDone("main", "camp_1")
		none, err4 := tx.LastDone("other", "camp_1")
		if len(others) > 0 || last != testTime.Add(time.Second).UnixMicro() || none != 0 {
			t.Errorf("another account's %+v, last %d, another's %d", others, last, none)
		}
		return errors.Join(err, err2, err3, err4)
	})
}
