package campaign

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestContactsBecomeCallsAsTheDialerWantsThem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(func(c *calls.Campaign) { c.Pace.MaxCalls = 10 }, "m01 m02 m03 m04 m05 m06 m07 m08 m09 m10 m11 m12")
	b.look() // a draft
	b.move(c, calls.CampaignStart)
	b.gate.load.Queued = 7
	b.look("m01", "m02", "m03")
	b.gate.load.Queued = 10
	b.look()
	b.gate.load.Queued = 0
	b.look("m04", "m05", "m06", "m07", "m08", "m09", "m10", "m11", "m12")
	for n := 1; n <= 12; n++ {
		b.over(c, "m"+string(rune('0'+n/10))+string(rune('0'+n%10)))
	}
	b.look()
	now, counts := b.state(c)
	if now.State != calls.CampaignIsFinished || counts[calls.CountDone] != 12 || counts.ByOutcome()[calls.OutcomeAnswered] != 12 {
		t.Errorf("%s, %v", now.State, counts)
	}
	if got := b.events(c); !slices.Equal(got, []string{"campaign.started", "campaign.finished"}) {
		t.Errorf("events %v", got)
	}
	b.add(c, "m13")
	b.move(c, calls.CampaignStart)
	b.look("m13")
}

func TestOnlyContactsWhoseHoursAreOpenAreTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t) // 21:00 in Kamchatka
	c := b.campaign(nil, "k1 m2 k3 x4")
	b.move(c, calls.CampaignStart)
	b.look("m2")
	b.look()
	b.clock.Advance(12*time.Hour - time.Second)
	b.look()
	b.clock.Advance(time.Second)
	b.look("k1", "k3") // and nobody whose zone is unknown
}

func TestTheNextLookIsWhenSomethingIsDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1")
	b.move(c, calls.CampaignStart)
	if _, err := b.desk.Place(t.Context(), "main", c.ID, 1, false, noon.Add(20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if next := b.look(); !next.Equal(noon.Add(20 * time.Second)) {
		t.Errorf("next look at %s", next)
	}
	b.clock.Advance(20 * time.Second)
	b.look("m1")
}

func TestAContactCanBeSkippedOrPutFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(func(c *calls.Campaign) { c.Pace.MaxCalls = 10 }, "m1 m2 m3 m4")
	b.move(c, calls.CampaignStart)
	if _, err := b.desk.Skip(t.Context(), "main", c.ID, 2, "asked for"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.desk.Place(t.Context(), "main", c.ID, 4, true, time.Time{}); err != nil {
		t.Fatal(err)
	}
	b.gate.load.Queued = 9
	b.look("m4")
	b.look("m1")
	if _, err := b.desk.Skip(t.Context(), "main", c.ID, 1, ""); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("who is called is skipped: %v", err)
	}
	if _, err := b.desk.Skip(t.Context(), "other", c.ID, 3, ""); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("another account's contact: %v", err)
	}
}

func TestNobodyIsCalledTwiceWhenTheProcessDiesAnywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1 m2")
	b.move(c, calls.CampaignStart)
	b.caller.after = errors.New("killed behind the commit")
	if _, err := b.r.look(b.Context(), true); err != nil {
		t.Fatal(err)
	}
	called := b.caller.take() // one at least: the first that fails may keep the other back
	b.caller.after = nil
	b.restart()
	if _, err := b.r.look(b.Context(), true); err != nil {
		t.Fatal(err)
	}
	called = append(called, b.caller.take()...)
	slices.Sort(called)
	if !slices.Equal(called, []string{"m1", "m2"}) {
		t.Errorf("it called %q; want each once", called)
	}
	if _, counts := b.state(c); counts[calls.CountCalling] != 2 {
		t.Errorf("%v", counts)
	}
}

func TestAPauseHoldsAndAResumeGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1")
	b.move(c, calls.CampaignStart)
	if _, err := b.desk.Move(t.Context(), "main", c.ID, calls.CampaignPause, "lunch", "anna"); err != nil {
		t.Fatal(err)
	}
	if rule := b.gate.rules[c.ID]; !rule.Paused || rule.Reason != "lunch" {
		t.Errorf("the dialer was told %+v", rule)
	}
	b.look()
	b.restart()
	b.gate.rules = map[string]calls.CampaignRule{}
	if err := b.r.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !b.gate.rules[c.ID].Paused {
		t.Error("after a restart the dialer does not know of the pause")
	}
	b.move(c, calls.CampaignResume)
	b.look("m1")
	b.move(c, calls.CampaignStop)
	if _, known := b.gate.rules[c.ID]; known {
		t.Error("the dialer may go on with a stopped campaign")
	}
	b.look()
	if _, known := b.gate.rules[c.ID]; known || !slices.Contains(b.caller.withdrawn, c.ID) {
		t.Error("what is queued of a stopped campaign may still be dialled")
	}
	if got := strings.Join(b.events(c), " "); got != "campaign.started campaign.paused campaign.resumed campaign.finished" {
		t.Error(got)
	}
}

func TestWhoPausedBetweenTheLookAndTheCallIsObeyed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1")
	b.move(c, calls.CampaignStart)
	before, _ := b.state(c)
	list, _ := b.contacts(c)
	b.move(c, calls.CampaignPause)
	if b.r.call(t.Context(), before, list[0]) || len(b.caller.take()) > 0 {
		t.Error("a contact of a paused campaign became a call")
	}
}

func (b *bench) contacts(c *calls.Campaign) (list []*calls.Contact, err error) {
	err = b.store.View(b.Context(), func(tx calls.ReadTx) (err error) {
		list, err = tx.Contacts(calls.ContactFilter{Account: "main", Campaign: c.ID})
		return err
	})
	return list, err
}

func TestTheCallsOfAStoppedCampaignAreWithdrawnAfterACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1")
	b.move(c, calls.CampaignStart)
	b.look("m1")
	b.do(func(tx calls.Tx) error { // stopped, and dead before the calls were withdrawn
		now, err := tx.Campaign("main", c.ID)
		now.State = calls.CampaignIsStopped
		return errors.Join(err, tx.UpdateCampaign(now))
	})
	b.restart()
	b.look()
	if !slices.Contains(b.caller.withdrawn, c.ID) {
		t.Error("its call stays")
	}
}

func TestWhatOnlyAContactHasWrongFailsItAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1 m2 m3")
	b.caller.refuse["m1"] = calls.Errorf(calls.CodeDestinationForbidden, "not there")
	b.caller.refuse["m2"] = calls.Errorf(calls.CodeRefConflict, "a live call has it")
	b.move(c, calls.CampaignStart)
	b.look("m3")
	list, _ := b.contacts(c)
	if list[0].State != calls.ContactFailed || list[0].Error != "not there" || list[1].State != calls.ContactWaiting {
		t.Errorf("%+v\n%+v", list[0], list[1])
	}
	delete(b.caller.refuse, "m2")
	b.look()
	b.clock.Advance(refRetry)
	b.look("m2")
}

func TestWhatIsWrongWithTheCampaignPausesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1 m2")
	b.move(c, calls.CampaignStart)
	for _, n := range []string{"m1", "m2"} {
		b.caller.refuse[n] = calls.Errorf(calls.CodeRecordingNotApproved, "the recording was revoked")
	}
	b.look()
	b.look()
	now, _ := b.state(c)
	if now.State != calls.CampaignIsPaused || now.PauseReason != "the recording was revoked" {
		t.Errorf("%s: %s", now.State, now.PauseReason)
	}
	b.bad["1"] = calls.Errorf(calls.CodeRecordingNotApproved, "the recording was revoked")
	if _, err := b.desk.Move(t.Context(), "main", c.ID, calls.CampaignResume, "", "test"); calls.CodeOf(err) != calls.CodeRecordingNotApproved {
		t.Errorf("it was resumed: %v", err)
	}
	b.r.Trip(c.ID, "again") // of one that is paused: nothing
	b.look()
}

func TestACampaignGoesByItsSchedule(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	start, stop := noon.Add(time.Hour), noon.Add(2*time.Hour)
	c := b.campaign(func(c *calls.Campaign) { c.StartAt, c.StopAt = &start, &stop }, "m1 k2")
	empty := b.campaign(func(c *calls.Campaign) { c.StartAt = &start }, "")
	if next := b.look(); !next.Equal(start) {
		t.Errorf("next look at %s", next)
	}
	b.clock.Advance(time.Hour)
	b.look()
	b.look("m1")
	b.clock.Advance(time.Hour)
	b.look()
	now, _ := b.state(c)
	if now.State != calls.CampaignIsPaused || !strings.Contains(now.PauseReason, "stop time") {
		t.Errorf("%s: %s", now.State, now.PauseReason)
	}
	if now, _ := b.state(empty); now.State != calls.CampaignDraft || now.StartAt != nil {
		t.Errorf("the empty one is %s, to start at %v", now.State, now.StartAt)
	}
}

func TestWhatACampaignMayBecome(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "")
	wrong := func(m calls.CampaignMove) {
		t.Helper()
		if _, err := b.desk.Move(t.Context(), "main", c.ID, m, "", "test"); calls.CodeOf(err) != calls.CodeWrongState {
			t.Errorf("%s: %v", m, err)
		}
	}
	wrong(calls.CampaignStart) // nobody to call
	wrong(calls.CampaignPause)
	wrong(calls.CampaignResume)
	b.add(c, "m1")
	b.move(c, calls.CampaignStart)
	b.move(c, calls.CampaignStart) // as it is already
	if err := b.desk.Delete(t.Context(), "main", c.ID); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("a running one was deleted: %v", err)
	}
	b.move(c, calls.CampaignStop)
	b.move(c, calls.CampaignStop)
	wrong(calls.CampaignResume)
	if _, err := b.desk.Change(t.Context(), "main", c.ID, func(*calls.Campaign) error { return nil }); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("a stopped one was changed: %v", err)
	}
	if err := b.desk.Delete(t.Context(), "main", c.ID); err != nil {
		t.Error(err)
	}
	if err := b.desk.Delete(t.Context(), "main", c.ID); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestTheRunnerRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1")
	if err := b.r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.move(c, calls.CampaignStart)
	deadline := time.Now().Add(time.Minute)
	for len(b.caller.take()) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("nobody was called")
		}
		b.clock.Advance(breath)
	}
	for range 2 {
		if err := b.r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAPreflightTellsWhatIsToBeKnown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(func(c *calls.Campaign) { c.Pace.CPS = 2 }, "m1 m2 k3 x4")
	b.do(func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: "m1", Scope: "account"})
		return errors.Join(err, tx.AddCounts("main", c.ID, calls.CampaignCounts{calls.CountLines: 1000006, calls.CountInvalid: 2, calls.CountDuplicates: 1000000}))
	})
	b.bad["1"] = calls.Errorf(calls.CodeRecordingNotApproved, "it waits for a moderator")
	p, err := b.desk.Preflight(t.Context(), "main", c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := "of 1,000,006 lines: 2 invalid, 1 blacklisted, 1,000,000 duplicates; 4 to call; Kamchatka opens at 09:00 (in 12h0m)"; p.Words(noon) != want {
		t.Errorf("%s\nwant %s", p.Words(noon), want)
	}
	if p.AtLeast != 2*time.Second || len(p.Obstacles) != 2 || !p.NextDue.Equal(noon) {
		t.Errorf("%+v", p)
	}
}
