package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func peopleRoundTrip(t *testing.T, s calls.Store) {
	a, b, foreign := filled[calls.Employee](), filled[calls.Employee](), filled[calls.Employee]()
	a.ID, a.Account, a.Extension, a.SIPUser = "emp_1", "main", "201", "main-201"
	b.ID, b.Account, b.Extension, b.SIPUser = "emp_2", "main", "", ""
	foreign.ID, foreign.Account, foreign.Extension, foreign.SIPUser = "emp_3", "other", "201", "other-201"
	g := filled[calls.Group]()
	g.Account, g.Name = "main", "sales"
	update(t, s, func(tx calls.Tx) error {
		return errors.Join(tx.PutEmployee(a), tx.PutEmployee(b), tx.PutEmployee(foreign), tx.PutGroup(g))
	})
	for what, change := range map[string]func(*calls.Employee){
		"the extension of another": func(e *calls.Employee) { e.Extension = "201" },
		"the name of a softphone":  func(e *calls.Employee) { e.SIPUser = "other-201" },
	} {
		e := *b
		change(&e)
		if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.PutEmployee(&e) }); calls.CodeOf(err) != calls.CodeInvalidField {
			t.Errorf("%s: %v", what, err)
		}
	}
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Employees("main", "", 10)
		same(t, "employees", list, []*calls.Employee{a, b})
		byExt, err2 := r.EmployeeByExtension("main", "201")
		same(t, "by extension", byExt, a)
		byUser, err3 := r.EmployeeBySIPUser("other-201")
		same(t, "by softphone", byUser, foreign)
		groups, err4 := r.Groups("main", "", 10)
		same(t, "groups", groups, []*calls.Group{g})
		_, miss := r.Employee("main", "emp_3")
		_, miss2 := r.EmployeeByExtension("main", "")
		_, miss3 := r.Group("other", "sales")
		if !errors.Is(miss, calls.ErrNotFound) || !errors.Is(miss2, calls.ErrNotFound) || !errors.Is(miss3, calls.ErrNotFound) {
			t.Errorf("%v %v %v; want not found", miss, miss2, miss3)
		}
		return errors.Join(err, err2, err3, err4)
	})
	update(t, s, func(tx calls.Tx) error {
		gone, err := tx.DeleteEmployee("other", "emp_1")
		gone2, err2 := tx.DeleteGroup("other", "sales")
		if gone || gone2 {
			t.Error("what belongs to another account was deleted")
		}
		gone, err3 := tx.DeleteEmployee("main", "emp_1")
		gone2, err4 := tx.DeleteGroup("main", "sales")
		if !gone || !gone2 {
			t.Error("nothing was deleted")
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func numbersRoundTrip(t *testing.T, s calls.Store) {
	n, pending := filled[calls.Number](), filled[calls.Number]()
	n.Account, n.Number, n.State, n.Pool = "main", "78005553535", calls.NumberConfirmed, "ads"
	pending.Account, pending.Number, pending.State, pending.Pool = "main", "78005553536", calls.NumberPending, "ads"
	update(t, s, func(tx calls.Tx) error {
		err := errors.Join(tx.PutNumber(pending), tx.PutNumber(n))
		for _, d := range []calls.NumberDay{
			{Account: "main", Number: n.Number, Day: 10, Dialled: 5, Answered: 2, TalkMS: 7},
			{Account: "main", Number: n.Number, Day: 10, Dialled: 1, Answered: 1, TalkMS: 1},
			{Account: "main", Number: n.Number, Day: 11, Dialled: 1},
			{Account: "main", Number: n.Number, Day: 9, Dialled: 100},
			{Account: "other", Number: n.Number, Day: 10, Dialled: 100},
		} {
			err = errors.Join(err, tx.CountNumber(d))
		}
		return err
	})
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Numbers("main", "", 10)
		same(t, "numbers", list, []*calls.Number{n, pending})
		pool, err2 := r.PoolNumbers("main", "ads")
		same(t, "pool", pool, []*calls.Number{n})
		of, err3 := r.NumberAccounts(n.Number)
		same(t, "accounts", of, []string{"main"})
		days, err4 := r.NumberDays("main", "", 10)
		same(t, "days", days, []calls.NumberDay{{Account: "main", Number: n.Number, Day: 10, Dialled: 7, Answered: 3, TalkMS: 8}})
		return errors.Join(err, err2, err3, err4)
	})
	same(t, "days that are over", sweep(t, s, calls.Expiry{Kind: calls.ExpireDays, Before: time.Unix(10*86400, 0)}), map[string]int{"number_days": 1})
	update(t, s, func(tx calls.Tx) error {
		gone, err := tx.DeleteNumber("main", n.Number)
		if !gone {
			t.Error("the number was not deleted")
		}
		return err
	})
}

func callersAreRemembered(t *testing.T, s calls.Store) {
	put := func(id, account, line string, dir calls.Direction, role calls.Role) {
		update(t, s, func(tx calls.Tx) error {
			c := &calls.Call{ID: id, Account: account, Direction: dir, Status: calls.StatusQueued, To: "79001112233", From: line, CreatedAt: testTime}
			err := tx.InsertCall(c)
			if role == "" {
				return err
			}
			return errors.Join(err, tx.InsertAttempt(&calls.Attempt{ID: "a" + id, CallID: id, Account: account, N: 1, Role: role, To: c.To, State: calls.AttemptOver}))
		})
	}
	put("c1", "main", "78005553535", calls.Out, calls.RoleCustomer)
	put("c2", "main", "78005553535", calls.Out, calls.RoleCustomer)
	put("c3", "main", "78005553536", calls.Out, calls.RoleCustomer)
	put("c4", "main", "78005553535", calls.Out, "")                // nobody was rung
	put("c5", "main", "78005553535", calls.Out, calls.RoleManager) // he was not
	put("c6", "main", "78005553535", calls.In, calls.RoleCustomer)
	put("c7", "other", "78005553535", calls.Out, calls.RoleCustomer)
	view(t, s, func(r calls.ReadTx) error {
		c, err := r.LastTo("main", "79001112233", "78005553535")
		if err == nil && c.ID != "c2" {
			t.Errorf("the last call is %s; want c2", c.ID)
		}
		_, miss := r.LastTo("main", "79001112234", "78005553535")
		if !errors.Is(miss, calls.ErrNotFound) {
			t.Errorf("a stranger: %v", miss)
		}
		return err
	})
}

func blocksHaveScopes(t *testing.T, s calls.Store) {
	block := func(scope string, until time.Duration, reason string) (added bool) {
		b := calls.BlockEntry{Account: "main", Number: "7900", Scope: scope, Reason: reason, Source: "api", CreatedAt: testTime, Digit: "9", DigitAt: testTime}
		if until != 0 {
			b.ExpiresAt = testTime.Add(until)
		}
		update(t, s, func(tx calls.Tx) (err error) { added, err = tx.Block(b); return err })
		return added
	}
	find := func(campaign, line string) (scope string) {
		view(t, s, func(r calls.ReadTx) error {
			b, err := r.BlockedFor(calls.BlockQuery{Account: "main", Number: "7900", Campaign: campaign, Line: line})
			if errors.Is(err, calls.ErrNotFound) {
				return nil
			}
			scope = b.Scope
			return err
		})
		return scope
	}
	for _, n := range []string{"7899", "7901"} {
		update(t, s, func(tx calls.Tx) error { _, err := tx.Block(calls.BlockEntry{Account: "main", Number: n}); return err })
	}
	if !block("campaign:k", 0, "one") || !block("number:78005553535", time.Hour, "two") || block("campaign:k", 0, "again") {
		t.Error("Block does not tell what is new")
	}
	for _, c := range [][3]string{{"", "", ""}, {"k", "", "campaign:k"}, {"l", "", ""}, {"", "78005553535", "number:78005553535"}, {"l", "78005553536", ""}} {
		if got := find(c[0], c[1]); got != c[2] {
			t.Errorf("campaign %q, line %q: blocked by %q; want %q", c[0], c[1], got, c[2])
		}
	}
	if !block("account", -time.Hour, "over") || find("", "") != "" {
		t.Error("what is over blocks")
	}
	if !block("account", time.Hour, "short") || block("account", time.Minute, "shorter") || find("", "") != "account" {
		t.Error("an entry that is over is not taken up again, or a shorter one takes its place")
	}
	if !block("account", 0, "for good") || block("account", time.Hour, "short") {
		t.Error("a lasting entry does not take the place of a shorter one, or is taken back")
	}
	view(t, s, func(r calls.ReadTx) error {
		b, err := r.Blocked("main", "7900")
		if err == nil && (b.Reason != "for good" || !b.ExpiresAt.IsZero() || b.Digit != "9" || !b.DigitAt.Equal(stored(testTime))) {
			t.Errorf("the entry: %+v", b)
		}
		var seen []string
		for after := ""; ; {
			page, err := r.BlockEntries("main", after, 1)
			if err != nil || len(page) == 0 {
				same(t, "pages", seen, []string{"7899 account", "7900 account", "7900 campaign:k", "7900 number:78005553535", "7901 account"})
				return err
			}
			after = page[0].Number + " " + page[0].Scope
			seen = append(seen, after)
		}
	})
	update(t, s, func(tx calls.Tx) error {
		one, err := tx.UnblockScope("main", "7900", "campaign:k")
		none, err2 := tx.UnblockScope("main", "7900", "campaign:k")
		all, err3 := tx.Unblock("main", "7900")
		list, err4 := tx.BlocksOf("main", "7900")
		if !one || none || !all || len(list) > 0 {
			t.Errorf("removed %v %v %v, left %+v", one, none, all, list)
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func blocksAreSwept(t *testing.T, s calls.Store) {
	for i, scope := range []string{"account", "campaign:k", "number:7800"} {
		for j, until := range []time.Time{{}, testTime.Add(-time.Minute), testTime.Add(time.Minute)} {
			update(t, s, func(tx calls.Tx) error {
				_, err := tx.Block(calls.BlockEntry{Account: "main", Number: strings.Repeat("7", 5+3*i+j), Scope: scope, ExpiresAt: until})
				return err
			})
		}
	}
	same(t, "swept", sweep(t, s, calls.Expiry{Kind: calls.ExpireBlocks, Before: testTime}), map[string]int{"blacklist": 1, "narrow_blocks": 2})
}

func attentionIsListed(t *testing.T, s calls.Store) {
	insertCall(t, s, "c1", "")
	var want []*calls.Attention
	for _, id := range []string{"evt_1", "evt_2", "evt_3", "evt_4"} {
		a := filled[calls.Attention]()
		a.ID, a.Account, a.CallID, a.State, a.Kind = id, "main", "c1", calls.AttentionOpen, calls.AttentionMissed
		want = append(want, a)
	}
	want[1].State, want[2].State, want[3].Account = calls.AttentionTaken, calls.AttentionDone, "other"
	update(t, s, func(tx calls.Tx) error {
		var err error
		for _, a := range want {
			err = errors.Join(err, tx.PutAttention(a))
		}
		return err
	})
	list := func(f calls.AttentionFilter) (got string) {
		f.Account = "main"
		view(t, s, func(r calls.ReadTx) error {
			rows, err := r.Attentions(f)
			for _, a := range rows {
				got += " " + a.ID
			}
			return err
		})
		return got
	}
	for _, c := range []struct {
		f    calls.AttentionFilter
		want string
	}{
		{calls.AttentionFilter{}, " evt_2 evt_1"},
		{calls.AttentionFilter{Cursor: "evt_2"}, " evt_1"},
		{calls.AttentionFilter{State: calls.AttentionDone}, " evt_3"},
		{calls.AttentionFilter{Kind: "attention"}, ""},
	} {
		if got := list(c.f); got != c.want {
			t.Errorf("%+v: %q; want %q", c.f, got, c.want)
		}
	}
	want[0].State, want[0].DoneBy = calls.AttentionDone, "ann"
	update(t, s, func(tx calls.Tx) error { return tx.PutAttention(want[0]) })
	view(t, s, func(r calls.ReadTx) error {
		a, err := r.Attention("main", "evt_1")
		same(t, "changed", a, want[0])
		_, miss := r.Attention("main", "evt_4")
		if !errors.Is(miss, calls.ErrNotFound) {
			t.Errorf("another account's: %v", miss)
		}
		return err
	})
}

func endsAreRead(t *testing.T, s calls.Store) {
	at := stored(testTime)
	for i, id := range []string{"c3", "c1", "c2", "c4"} {
		ended := at.Add(time.Duration(i) * time.Minute)
		c := &calls.Call{ID: id, Account: "main", Direction: calls.Out, Status: calls.StatusCompleted, Outcome: calls.OutcomeAnswered, Trunk: "t", CampaignID: "k",
			Line: "7800", EndedAt: &ended, AnsweredAt: &at, TalkMS: 1500, BillableMS: 2000, RingMS: 10, Metadata: []byte(`{"city":"Омск"}`)}
		if id == "c4" {
			c.Account = "other"
		}
		update(t, s, func(tx calls.Tx) error {
			e := calls.ForCall("evt_"+id, ended, c, calls.CallCompleted, c)
			other := calls.ForCall("evt_x"+id, ended, c, calls.CallDigit, nil)
			return errors.Join(tx.InsertCall(c), tx.AppendEvent(&other), tx.AppendEvent(&e))
		})
	}
	ids := func(f calls.EndFilter) (got string) {
		f.Account = "main"
		view(t, s, func(r calls.ReadTx) error {
			list, err := r.EndedCalls(f)
			for _, c := range list {
				got += " " + c.ID
			}
			return err
		})
		return got
	}
	for _, c := range []struct {
		f    calls.EndFilter
		want string
	}{
		{calls.EndFilter{}, " c3 c1 c2"},
		{calls.EndFilter{Limit: 1}, " c3"},
		{calls.EndFilter{AfterAt: at, AfterID: "c3", Limit: 1}, " c1"},
		{calls.EndFilter{From: at.Add(time.Minute)}, " c1 c2"},
		{calls.EndFilter{From: at, Until: at.Add(time.Minute)}, " c3"},
	} {
		if got := ids(c.f); got != c.want {
			t.Errorf("%+v: %q; want %q", c.f, got, c.want)
		}
	}
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.EndedCalls(calls.EndFilter{Account: "main", Limit: 1})
		same(t, "a call", list, []calls.EndedCall{{ID: "c3", EndedAt: at, Direction: calls.Out, Outcome: calls.OutcomeAnswered, Trunk: "t", Campaign: "k", Line: "7800",
			Answered: true, RingMS: 10, TalkMS: 1500, BillableMS: 2000, Metadata: []byte(`{"city":"Омск"}`)}})
		ends, err2 := r.Ends("main", 2, 10)
		all, err3 := r.Ends("", 0, 10)
		if len(ends) != 2 || ends[0].CallID != "c1" || len(all) != 4 {
			t.Errorf("ends: %d of main, %d in all", len(ends), len(all))
		}
		return errors.Join(err, err2, err3)
	})
}

func peopleAreErased(t *testing.T, s calls.Store) {
	aWholeCall(t, s, "c1", erasedNumber, testTime.Add(-time.Hour))
	update(t, s, func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: erasedNumber, Scope: "campaign:k", Reason: "Ivan asked"})
		return errors.Join(err,
			tx.PutEmployee(&calls.Employee{ID: "emp_1", Account: "main", Name: "Ivan", Phone: erasedNumber, Extension: "201", CRMUser: "u" + erasedNumber}),
			tx.PutEmployee(&calls.Employee{ID: "emp_2", Account: "other", Phone: erasedNumber}),
			tx.PutNumber(&calls.Number{Account: "main", Number: erasedNumber, State: calls.NumberConfirmed}),
			tx.CountNumber(calls.NumberDay{Account: "main", Number: erasedNumber, Day: 1, Dialled: 1}),
			tx.PutAttention(&calls.Attention{ID: "evt_1", Account: "main", CallID: "c1", Number: erasedNumber, Note: "Ivan rang", State: calls.AttentionOpen}),
			tx.PutAttention(&calls.Attention{ID: "evt_2", Account: "main", CallID: "c9", Number: erasedNumber, State: calls.AttentionOpen}))
	})
	n := eraseAll(t, s, calls.Erasure{ID: "era_1", Account: "main", Number: erasedNumber, At: testTime})
	if n.Others != 5 || !n.Blocked {
		t.Errorf("counted %+v; want 5 others, and blocked", n)
	}
	view(t, s, func(r calls.ReadTx) error {
		staff, err := r.Employees("main", "", 10)
		foreign, err2 := r.Employees("other", "", 10)
		if all, err := r.Employees("", "emp_1", 10); err != nil || len(all) != 1 || all[0].ID != "emp_2" {
			t.Errorf("of every account: %+v, %v", all, err)
		}
		need, err3 := r.Attentions(calls.AttentionFilter{Account: "main"})
		blocks, err4 := r.BlocksOf("main", erasedNumber)
		days, err5 := r.NumberDays("main", "", 0)
		if len(staff) != 1 || staff[0].Phone != "" || staff[0].Extension != "201" || strings.Contains(staff[0].CRMUser, erasedNumber) || foreign[0].Phone != erasedNumber {
			t.Errorf("employees: %+v %+v", staff[0], foreign[0])
		}
		for _, a := range need {
			if a.Number != calls.ErasedText || strings.Contains(a.Note, "Ivan") {
				t.Errorf("attention: %+v", a)
			}
		}
		if len(blocks) != 1 || blocks[0].Reason != "" || len(days) != 0 {
			t.Errorf("blocks %+v, days %+v", blocks, days)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
}
