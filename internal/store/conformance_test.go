package store

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// runConformance holds any calls.Store to its contract. open gives a fresh,
// empty one whose clock stands at testTime and which is closed with the test.
func runConformance(t *testing.T, open func(*testing.T) calls.Store) {
	for name, test := range map[string]func(*testing.T, calls.Store){
		"a call comes back as it was stored":                   aCallRoundTrips,
		"attempts come back with their call":                   attemptsRoundTrip,
		"a ref is unique among live calls only":                refIsUniqueAmongLive,
		"calls are filtered":                                   callsAreFiltered,
		"call lists go on from a cursor":                       callsArePaged,
		"foreign rows are not found":                           foreignRowsAreNotFound,
		"attempts that count are counted":                      attemptsAreCounted,
		"a failing unit leaves nothing and others stay":        failingUnitLeavesNothing,
		"calls change several times within a commit":           callsChangeWithinACommit,
		"seq goes on after a failed unit":                      seqGoesOnAfterAFailedUnit,
		"a unit that hides a failed statement fails":           swallowedErrorsFail,
		"a refused ref leaves the unit going":                  refConflictIsNoEnd,
		"texts that are no UTF-8 do not stop a unit":           oddTextsAreKept,
		"more texts than are prepared at a time":               manyTextsAreKept,
		"a panicking unit is an error":                         panickingUnitIsAnError,
		"a unit whose caller left does not happen":             abandonedUnitDoesNotHappen,
		"Observe and Update share one line":                    oneLine,
		"a View sees one moment":                               viewIsASnapshot,
		"a Tx is dead after its unit":                          txDiesWithItsUnit,
		"Changed fires for what is committed":                  changedFires,
		"pos and seq have no gaps that a reader can fall into": logHasNoHoles,
		"an event comes back as it was stored":                 eventsRoundTrip,
		"a call ends once":                                     aCallEndsOnce,
		"a call that is over stays over":                       overStaysOver,
		"the blacklist keeps the first reason":                 blacklistKeepsFirst,
		"recordings come back and their numbers never repeat":  recordingsRoundTrip,
		"recordings are listed in both directions":             recordingsAreListed,
		"versions of a recording come back":                    versionsRoundTrip,
		"providers' names of calls lead to them":               providerCallNames,
		"registered contacts come back, each node's own":       sipBindingsRoundTrip,
		"whole numbers are given once, by kind":                numbersAreGivenOnce,
		"known announcements come back":                        fingerprintsRoundTrip,
		"campaigns come back":                                  campaignsRoundTrip,
		"contacts come back, each once":                        contactsRoundTrip,
		"a contact stands in line until it has a call":         contactsStandInLine,
		"what a call came to is counted once":                  contactsAreSettledOnce,
		"those who are left are counted by their zones":        contactsLeftAreCounted,
		"contacts go with their campaign, calls and numbers":   contactsGo,
		"evidence of verdicts is kept and counted":             evidenceIsKeptAndCounted,
		"employees and groups come back":                       peopleRoundTrip,
		"caller numbers come back and are counted":             numbersRoundTrip,
		"who calls back is told what he was called for":        callersAreRemembered,
		"a block has a scope and an end":                       blocksHaveScopes,
		"blocks that are over are swept":                       blocksAreSwept,
		"what needs a person is listed":                        attentionIsListed,
		"ends are read in their order":                         endsAreRead,
		"a number is erased among people, too":                 peopleAreErased,
		"a template and a draft come back whole":               templatesComeBack,
		"a pinned version is told how it stands":               standingsAreTold,
		"a recording is found by what it says":                 recordingsAreFoundByText,
		"content that is used cannot be condemned":             contentIsCondemned,
		"tokens come back with what JSON hides":                tokensRoundTrip,
		"idempotency records end":                              idempotencyEnds,
		"texts move through their states":                      smsRoundTrip,
		"texts of one number wait for each other":              textsOfOneNumberWait,
		"texts are listed by account, call and state":          textsAreListed,
		"keys of facades are kept and found":                   facadeKeysAreKept,
		"exchanges are kept up to a number and a time":         exchangesAreBounded,
		"exchanges go with the person they name":               exchangesAreErased,
		"TLS of providers is what people chose":                providerTLSIsKept,
		"webhooks start at the end of the log":                 webhooksStartAtTheEnd,
		"lanes give their heads in order":                      lanesGiveHeads,
		"lanes of a disabled webhook are parked":               disabledLanesArePark,
		"a delivery made pending again takes its old place":    replayTakesItsPlace,
		"a deleted webhook takes its deliveries along":         deletedWebhookIsGone,
		"a sink's memory, health and credentials are kept":     sinkStatesHealthAndCredentials,
		"giving up takes the oldest heads":                     givingUpTakesTheOldestHeads,
		"positions are found by time":                          positionsAreFoundByTime,
		"deliveries are listed newest first":                   deliveriesAreListed,
		"an unknown row cannot be updated":                     unknownRowsAreNotFound,
		"audit entries are filtered, newest first":             auditIsFiltered,
		"old calls go with all that is theirs":                 oldCallsGoWhole,
		"ended campaigns go with their contacts":               endedCampaignsGoWithTheirContacts,
		"what is owed to somebody is kept":                     whatIsOwedIsKept,
		"the last event of everything but calls stays":         lastEventsStay,
		"finished deliveries and their webhooks expire":        finishedDeliveriesGo,
		"keys and audit entries expire":                        keysAndAuditExpire,
		"a number is erased and the log keeps its order":       aNumberIsErased,
		"a lane goes on when its number is erased":             aLaneOutlivesItsName,
		"a number may be erased and stay blocked":              aBlockMayStay,
		"a number of a live call is not erased":                liveCallsAreNotErased,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func update(t *testing.T, s calls.Store, fn func(calls.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, s calls.Store, fn func(calls.ReadTx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func aCallRoundTrips(t *testing.T, s calls.Store) {
	c := filled[calls.Call]()
	c.Attempts = nil
	msk := time.FixedZone("MSK", 3*3600)
	c.CreatedAt = c.CreatedAt.In(msk)
	update(t, s, func(tx calls.Tx) error { return tx.InsertCall(c) })
	if c.Node == "" || c.Fence == 0 || c.LeaseUntil.IsZero() {
		t.Errorf("the store did not sign the call: %q %d %v", c.Node, c.Fence, c.LeaseUntil)
	}
	if c.CreatedAt.Location() != msk {
		t.Error("the store changed the caller's value")
	}
	c.CreatedAt = c.CreatedAt.UTC()
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.Call(c.Account, c.ID)
		same(t, "inserted call", got, c)
		return err
	})

	before := *c
	c.Status, c.Outcome, c.From, c.EndedAt, c.Hold = calls.StatusCompleted, calls.OutcomeAnswered, "7999", ptr(testTime.Add(time.Hour)), nil
	c.Digits = append(c.Digits, calls.DigitPress{Digit: "3", At: testTime})
	update(t, s, func(tx calls.Tx) error { return tx.UpdateCall(c) })
	view(t, s, func(r calls.ReadTx) error {
		got, err := r.Call("", c.ID)
		same(t, "updated call", got, c)
		if reflect.DeepEqual(got, &before) {
			t.Error("the update changed nothing")
		}
		return err
	})

	bare := &calls.Call{ID: "bare", Account: "main", Status: calls.StatusQueued}
	update(t, s, func(tx calls.Tx) error { return tx.InsertCall(bare) })
	same(t, "bare call", readCall(t, s, "bare"), bare)
}

func attemptsRoundTrip(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "")
	insertCall(t, s, "c2", "")
	var want []calls.Attempt
	for n := 1; n <= 3; n++ {
		a := filled[calls.Attempt]()
		a.ID, a.CallID, a.Account, a.N = fmt.Sprint("a", 9-n), "c1", "main", n
		update(t, s, func(tx calls.Tx) error { return tx.InsertAttempt(a) })
		want = append(want, *a)
	}
	a := want[1]
	a.State, a.Dialog, a.SIPCode, a.EndedAt, a.Charged = calls.AttemptOver, []byte("bye"), 486, nil, false
	update(t, s, func(tx calls.Tx) error { return tx.UpdateAttempt(&a) })
	want[1] = a
	same(t, "attempts of Call", readCall(t, s, "c1").Attempts, want)
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Calls(calls.CallFilter{Account: "main"})
		if err != nil {
			return err
		}
		same(t, "attempts in Calls", list[1].Attempts, want)
		same(t, "attempts of the other call", list[0].Attempts, []calls.Attempt(nil))
		return nil
	})
}

func refIsUniqueAmongLive(t *testing.T, s calls.Store) {
	c := insertCall(t, s, "c1", "order-7")
	insertCall(t, s, "c2", "") // no ref, no conflict
	insertCall(t, s, "c3", "")
	again := &calls.Call{ID: "c4", Account: "main", Ref: "order-7", Status: calls.StatusQueued}
	insert := func(tx calls.Tx) error { return tx.InsertCall(again) }
	if err := s.Update(t.Context(), insert); calls.CodeOf(err) != calls.CodeRefConflict {
		t.Errorf("second live call: %v; want ref-conflict", err)
	}
	update(t, s, func(tx calls.Tx) error {
		return tx.InsertCall(&calls.Call{ID: "c5", Account: "other", Ref: "order-7", Status: calls.StatusQueued})
	})
	find := func(account, ref string) string {
		id := ""
		err := s.View(t.Context(), func(r calls.ReadTx) error {
			c, err := r.LiveCallByRef(account, ref)
			if err == nil {
				id = c.ID
			}
			return err
		})
		if err != nil {
			return err.Error()
		}
		return id
	}
	for _, tc := range [][3]string{{"main", "order-7", "c1"}, {"other", "order-7", "c5"}, {"main", "", "not found"}, {"main", "x", "not found"}} {
		if got := find(tc[0], tc[1]); got != tc[2] {
			t.Errorf("live call of %s by ref %q: %s; want %s", tc[0], tc[1], got, tc[2])
		}
	}
	c.Status = calls.StatusCompleted
	update(t, s, func(tx calls.Tx) error { return tx.UpdateCall(c) })
	update(t, s, insert)
	if got := find("main", "order-7"); got != "c4" {
		t.Errorf("live call after the ref was used anew: %s; want c4", got)
	}
}

func callsAreFiltered(t *testing.T, s calls.Store) {
	for _, c := range []calls.Call{
		{ID: "1", To: "7900", Ref: "r1", Series: "s1", Status: calls.StatusCompleted, Outcome: calls.OutcomeBusy},
		{ID: "2", To: "7900", Ref: "r2", Series: "s1", CampaignID: "k", Status: calls.StatusQueued},
		{ID: "3", To: "7901", Ref: "r3", Series: "s2", CampaignID: "k", Status: calls.StatusHeld},
		{ID: "4", To: "7901", Status: calls.StatusCompleted, Outcome: calls.OutcomeAnswered},
		{ID: "5", To: "7901", Account: "other", Status: calls.StatusQueued},
	} {
		if c.Account == "" {
			c.Account = "main"
		}
		update(t, s, func(tx calls.Tx) error { return tx.InsertCall(&c) })
	}
	for _, tc := range []struct {
		f    calls.CallFilter
		want string
	}{
		{calls.CallFilter{}, "5 4 3 2 1"},
		{calls.CallFilter{Account: "main"}, "4 3 2 1"},
		{calls.CallFilter{Account: "main", To: "7901"}, "4 3"},
		{calls.CallFilter{Account: "main", Ref: "r2"}, "2"},
		{calls.CallFilter{Account: "main", Series: "s1"}, "2 1"},
		{calls.CallFilter{Account: "main", Series: "s1", Live: true}, "2"},
		{calls.CallFilter{Account: "main", Campaign: "k"}, "3 2"},
		{calls.CallFilter{Account: "main", Status: calls.StatusHeld}, "3"},
		{calls.CallFilter{Account: "main", Outcome: calls.OutcomeBusy}, "1"},
		{calls.CallFilter{Account: "main", Live: true}, "3 2"},
		{calls.CallFilter{Account: "nobody"}, ""},
	} {
		view(t, s, func(r calls.ReadTx) error {
			list, err := r.Calls(tc.f)
			if got := ids(list); got != tc.want {
				t.Errorf("%+v: %q; want %q", tc.f, got, tc.want)
			}
			return err
		})
	}
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Unfinished()
		if got := ids(list); got != "2 3 5" {
			t.Errorf("unfinished: %q; want %q", got, "2 3 5")
		}
		return err
	})
}

func ids(list []*calls.Call) string {
	var out []string
	for _, c := range list {
		out = append(out, c.ID)
	}
	return strings.Join(out, " ")
}

func callsArePaged(t *testing.T, s calls.Store) {
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("c%d", 6-i)
		want = append(want, id)
	}
	for i := range 7 {
		insertCall(t, s, fmt.Sprintf("c%d", i), "")
	}
	var got []string
	f := calls.CallFilter{Account: "main", Limit: 3}
	for {
		var page []*calls.Call
		view(t, s, func(r calls.ReadTx) (err error) { page, err = r.Calls(f); return err })
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			t.Fatalf("a page of %d; want at most 3", len(page))
		}
		for _, c := range page {
			got = append(got, c.ID)
		}
		f.Cursor = page[len(page)-1].ID
	}
	same(t, "pages", got, want)
}

func foreignRowsAreNotFound(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "")
	w := &calls.Webhook{ID: "w1", Account: "main", URL: "u"}
	rec := &calls.Recording{ID: "r1", Account: "main", RecordID: ptr(int64(5))}
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: "7900"})
		return errors.Join(err, tx.PutWebhook(w), tx.InsertRecording(rec), tx.PutIdempotent(
			calls.IdempotencyRecord{Account: "main", Key: "k", ExpiresAt: testTime.Add(time.Hour)}))
	})
	look := func(account string) map[string]error {
		got := map[string]error{}
		view(t, s, func(r calls.ReadTx) error {
			_, got["Call"] = r.Call(account, "c1")
			_, got["Webhook"] = r.Webhook(account, "w1")
			_, got["Recording"] = r.Recording(account, "r1")
			_, got["RecordingByRecordID"] = r.RecordingByRecordID(account, 5)
			_, got["Blocked"] = r.Blocked(account, "7900")
			_, got["Idempotent"] = r.Idempotent(account, "k")
			return nil
		})
		return got
	}
	for what, err := range look("main") {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, err := range look("other") {
		if !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("%s of another account: %v; want ErrNotFound", what, err)
		}
	}
	stolen := *w
	stolen.Account, stolen.URL = "other", "theirs"
	for what, fn := range map[string]func(calls.Tx) error{
		"PutWebhook":    func(tx calls.Tx) error { return tx.PutWebhook(&stolen) },
		"DeleteWebhook": func(tx calls.Tx) error { return tx.DeleteWebhook("other", "w1") },
	} {
		if err := s.Update(t.Context(), fn); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("%s of another account: %v; want ErrNotFound", what, err)
		}
	}
}

func attemptsAreCounted(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "")
	for i, a := range []calls.Attempt{
		{To: "7900", Role: calls.RoleCustomer, Charged: true, SentAt: testTime.Add(-3 * time.Hour), State: calls.AttemptOver, Outcome: calls.OutcomeBusy},
		{To: "7900", Role: calls.RoleCustomer, Charged: true, SentAt: testTime.Add(-2 * time.Hour), State: calls.AttemptOver, Outcome: calls.OutcomeNoAnswer},
		{To: "7900", Role: calls.RoleCustomer, Charged: true, SentAt: testTime.Add(-time.Hour), State: calls.AttemptOver, Outcome: calls.OutcomeMachine, SIPCode: 200},
		{To: "7900", Role: calls.RoleCustomer, Charged: false, SentAt: testTime}, // a trunk's fault
		{To: "7900", Role: calls.RoleManager, Charged: true, SentAt: testTime},
		{To: "7901", Role: calls.RoleCustomer, Charged: true, SentAt: testTime},
		{To: "7900", Role: calls.RoleCustomer, Charged: true, SentAt: testTime, Account: "other"},
	} {
		a.ID, a.CallID, a.N = fmt.Sprint("a", i), "c1", i+1
		if a.Account == "" {
			a.Account = "main"
		}
		update(t, s, func(tx calls.Tx) error { return tx.InsertAttempt(&a) })
	}
	view(t, s, func(r calls.ReadTx) error {
		n, err := r.AttemptsSince("main", "7900", testTime.Add(-2*time.Hour))
		if n != 2 || err != nil {
			t.Errorf("attempts since two hours ago: %d, %v; want 2", n, err)
		}
		for limit, want := range map[int]string{1: "[-1h0m0s]", 10: "[-1h0m0s -2h0m0s]"} {
			list, err := r.ChargedSince("main", "7900", testTime.Add(-2*time.Hour), limit)
			ago := make([]time.Duration, len(list))
			for i, t := range list {
				ago[i] = t.Sub(testTime)
			}
			if fmt.Sprint(ago) != want || err != nil {
				t.Errorf("charged since two hours ago, at most %d: %v, %v; want %s", limit, ago, err, want)
			}
		}
		talks, err := r.TalksSince("main", "7900", testTime.Add(-3*time.Hour), 10)
		if err != nil || len(talks) != 1 || !talks[0].Equal(testTime.Add(-time.Hour)) {
			t.Errorf("talks since three hours ago: %v, %v; want that of an hour ago", talks, err)
		}
		at, err := r.LastAttemptAt("main", "7900")
		if !at.Equal(testTime.Add(-time.Hour)) || err != nil {
			t.Errorf("last attempt: %v, %v; want an hour ago", at, err)
		}
		if _, err = r.LastAttemptAt("main", "7999"); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("last attempt to a number never called: %v; want ErrNotFound", err)
		}
		return nil
	})
}

func unknownRowsAreNotFound(t *testing.T, s calls.Store) {
	for what, fn := range map[string]func(calls.Tx) error{
		"UpdateCall":      func(tx calls.Tx) error { return tx.UpdateCall(&calls.Call{ID: "x"}) },
		"UpdateAttempt":   func(tx calls.Tx) error { return tx.UpdateAttempt(&calls.Attempt{ID: "x"}) },
		"UpdateRecording": func(tx calls.Tx) error { return tx.UpdateRecording(&calls.Recording{ID: "x"}) },
		"MoveSMS":         func(tx calls.Tx) error { return tx.MoveSMS(calls.SMSIsQueued, &calls.SMS{ID: "x"}) },
	} {
		if err := s.Update(t.Context(), fn); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("%s: %v; want ErrNotFound", what, err)
		}
	}
}
