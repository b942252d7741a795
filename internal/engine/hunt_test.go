package engine

import (
	"encoding/json"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// staffed puts three employees and a group of them into the store.
func staffed(t *testing.T, strategy calls.Strategy) *bench {
	t.Helper()
	b := newBench(t)
	b.store.staff = map[string]calls.Employee{
		"emp_a": {ID: "emp_a", Account: "main", Extension: "201", Trunk: "main", Phone: "79160000001", Ring: calls.RingFirst, Method: calls.MethodAPI},
		"emp_b": {ID: "emp_b", Account: "main", Extension: "202", Phone: "79160000002", Method: calls.MethodApp},
		"emp_c": {ID: "emp_c", Account: "main", Phone: "79160000003", Method: calls.MethodOff},
	}
	b.store.groups = map[string]calls.Group{"sales": {Account: "main", Name: "sales", Strategy: strategy, Members: []string{"emp_a", "gone", "emp_b", "emp_c"}}}
	return b
}

// asks starts a call whose customer presses 1 for target.
func (b *bench) asks(target string) (*calls.Call, *memLeg) {
	b.t.Helper()
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: target}})
	})
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	leg.emit(press('1'))
	b.until(leg, "ringback")
	return c, leg
}

// hangsUp ends a call that talks.
func (b *bench) hangsUp(c *calls.Call, leg *memLeg, others ...*memLeg) *calls.Call {
	b.t.Helper()
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	for _, o := range others {
		o.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	}
	return b.over(c.ID)
}

func TestAGroupIsRungOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Sequential)
	c, leg := b.asks("group:sales")
	b.dialled("201").leg.end(calls.Ending{Code: 486})
	b.dialled("79160000002").leg.end(calls.Ending{Code: 480})
	manager := b.dialled("79160000003").leg
	manager.emit(answered)
	b.bridging("bridge " + leg.id + " " + manager.id)
	got := b.hangsUp(c, leg, manager)
	if got.Employee != "emp_c" || len(got.Attempts) != 4 || len(got.Actions) != 1 || got.Actions[0].Result != "ok" {
		t.Errorf("ended with employee %q, %d attempts, %+v", got.Employee, len(got.Attempts), got.Actions)
	}
}

func TestAGroupThatNobodyAnswersLeadsBackToTheMenu(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Sequential)
	c, leg := b.asks("group:sales")
	for _, to := range []string{"201", "79160000002", "79160000003"} {
		b.dialled(to).leg.end(calls.Ending{Code: 486})
	}
	b.until(leg, "stop stopped")
	got := b.hangsUp(c, leg)
	if len(got.Actions) != 1 || got.Actions[0].Error != "the manager is busy" || got.Employee != "" {
		t.Errorf("ended with %+v", got.Actions)
	}
}

func TestTheFirstOfAGroupToAnswerHasTheCall(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Simultaneous)
	c, leg := b.asks("group:sales")
	legs := map[string]*memLeg{}
	for range 3 {
		d := b.anyDialled()
		legs[d.To] = d.leg
	}
	legs["201"].emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
	legs["79160000003"].end(calls.Ending{Code: 486})
	legs["79160000002"].emit(answered)
	b.bridging("bridge " + leg.id + " leg-79160000002")
	b.until(legs["201"], "hangup")
	legs["201"].emit(answered) // it crossed our CANCEL: nothing comes of it
	legs["201"].end(calls.Ending{Code: 487, Canceled: true, By: calls.ByZvonar})
	got := b.hangsUp(c, leg, legs["79160000002"])
	if got.Employee != "emp_b" || len(got.Attempts) != 4 || got.Outcome != calls.OutcomeAnswered {
		t.Errorf("ended %s with employee %q, %+v", got.Outcome, got.Employee, got.Attempts)
	}
	for _, a := range got.Attempts {
		if a.Open() {
			t.Errorf("attempt to %s is open", a.To)
		}
	}
}

func TestTheCustomerMayLeaveWhileSeveralRing(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Simultaneous)
	c, leg := b.asks("group:sales")
	var legs []*memLeg
	for range 3 {
		legs = append(legs, b.anyDialled().leg)
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	for _, l := range legs {
		b.until(l, "hangup")
		l.end(calls.Ending{Code: 487, Canceled: true, By: calls.ByZvonar})
	}
	if got := b.over(c.ID); got.HangupBy != calls.ByCustomer || len(got.Attempts) != 4 {
		t.Errorf("ended by %s", got.HangupBy)
	}
	select {
	case d := <-b.line.dialled:
		t.Errorf("%s was rung after the customer had left", d.To)
	default:
	}
}

func TestMembersOfAGroupTakeTurns(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.RoundRobin)
	g := b.store.groups["sales"]
	g.Members = []string{"emp_a", "emp_b"}
	b.store.groups["sales"] = g
	for _, first := range []string{"201", "79160000002", "201"} {
		c, leg := b.asks("group:sales")
		b.dialled(first).leg.end(calls.Ending{Code: 486})
		d := b.anyDialled()
		if d.To == first {
			t.Errorf("%s was rung twice", first)
		}
		d.leg.end(calls.Ending{Code: 486})
		b.until(leg, "stop stopped")
		b.hangsUp(c, leg)
		b.drain()
	}
}

func TestAllTelephonesOfAnEmployeeRing(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Sequential)
	e := b.store.staff["emp_a"]
	e.Ring, e.SIPUser = calls.RingAll, "main-201"
	b.store.staff["emp_a"] = e
	b.e.cfg.Softphones = func(user string) bool { return user == "main-201" }
	c, leg := b.asks("201")
	rung := map[string]*memLeg{}
	for range 3 {
		d := b.anyDialled()
		rung[d.To+"@"+d.Trunk] = d.leg
	}
	soft := rung["main-201@"+calls.SoftphoneTrunk]
	if soft == nil || rung["201@main"] == nil || rung["79160000001@main"] == nil {
		t.Fatalf("rung: %v", rung)
	}
	soft.emit(answered)
	b.bridging("bridge " + leg.id + " " + soft.id)
	for key, l := range rung {
		if l != soft {
			b.until(l, "hangup")
			l.end(calls.Ending{Code: 487, Canceled: true})
		}
		_ = key
	}
	if got := b.hangsUp(c, leg, soft); got.Employee != "emp_a" {
		t.Errorf("employee %q", got.Employee)
	}
}

func TestATalkMayBeginWithAGroup(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Sequential)
	c := b.submit(func(r *CallRequest) {
		r.Clip, r.ManagerAt, r.ToAt = "", "body.first", "body.second"
		r.Bridge = &calls.Bridge{Manager: "group:sales", Order: calls.ManagerFirst}
	})
	b.release(c, "main")
	b.dialled("201").leg.end(calls.Ending{Code: 486})
	d := b.dialled("79160000002")
	d.leg.emit(answered)
	client := b.dialled(c.To).leg
	client.emit(answered)
	b.bridging("bridge " + client.id + " " + d.leg.id)
	if got := b.hangsUp(c, client, d.leg); got.Employee != "emp_b" || got.Outcome != calls.OutcomeAnswered {
		t.Errorf("ended %s, employee %q", got.Outcome, got.Employee)
	}
}

func TestATransferMayGoToAGroup(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Simultaneous)
	c, leg, manager := managed(t, b)
	manager.emit(answered)
	b.bridging("bridge " + leg.id + " " + manager.id)
	if _, err := b.e.Transfer(t.Context(), "main", c.ID, "group:sales"); err != nil {
		t.Fatal(err)
	}
	legs := map[string]*memLeg{}
	for range 3 {
		d := b.anyDialled()
		legs[d.To] = d.leg
	}
	next := legs["79160000003"]
	next.emit(answered)
	b.bridging("unbridge " + leg.id + " " + manager.id)
	b.bridging("bridge " + leg.id + " " + next.id)
	b.until(manager, "hangup")
	manager.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	for _, to := range []string{"201", "79160000002"} {
		b.until(legs[to], "hangup")
		legs[to].end(calls.Ending{Code: 487, Canceled: true})
	}
	if got := b.hangsUp(c, leg, next); got.Employee != "emp_c" || len(got.Attempts) != 5 {
		t.Errorf("employee %q, %d attempts", got.Employee, len(got.Attempts))
	}
}

func TestWhomACallMayNameIsCheckedBeforeItIsTaken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*CallRequest)
		code   calls.Code
	}{
		"an employee who is not there": {func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "299"}})
		}, calls.CodeBadAction},
		"a group that is not there": {func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionManager, Value: "group:x"}})
		}, calls.CodeBadAction},
		"in the name of one who calls by himself": {func(r *CallRequest) { r.Employee = "202" }, calls.CodeForbidden},
		"in the name of one who may not call":     {func(r *CallRequest) { r.Employee = "emp_c" }, calls.CodeForbidden},
		"in the name of nobody":                   {func(r *CallRequest) { r.Employee = "299" }, calls.CodeInvalidField},
		"his telephone is rung first all the same": {func(r *CallRequest) {
			r.Clip, r.ManagerAt = "", "body.first"
			r.Bridge = &calls.Bridge{Manager: "202", Order: calls.ManagerFirst}
		}, calls.CodeForbidden},
		"a number that is not confirmed": {func(r *CallRequest) { r.From = "74951112233" }, calls.CodeInvalidField},
		"a number of somebody else":      {func(r *CallRequest) { r.From = "74951112244" }, calls.CodeInvalidField},
		"an empty pool":                  {func(r *CallRequest) { r.From = "pool:x" }, calls.CodeInvalidField},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := staffed(t, calls.Sequential)
			b.store.numbers = map[string]calls.Number{
				"74951112233": {Account: "main", Number: "74951112233", State: calls.NumberPending},
				"74951112244": {Account: "main", Number: "74951112244", State: calls.NumberConfirmed, Employee: "emp_b"},
			}
			r := b.request(tc.change)
			_, _, err := b.e.Submit(t.Context(), r)
			if calls.CodeOf(err) != tc.code {
				t.Errorf("%v; want %s", err, tc.code)
			}
		})
	}
}

func TestACallInAnEmployeesNameShowsHisNumberAndPlaysHisClip(t *testing.T) {
	t.Parallel()
	b := staffed(t, calls.Sequential)
	e := b.store.staff["emp_a"]
	e.Caller, e.Clip = "74951112244", "1003"
	b.store.staff["emp_a"] = e
	b.store.numbers = map[string]calls.Number{"74951112244": {Account: "main", Number: "74951112244", State: calls.NumberConfirmed, Employee: "emp_a"}}
	c := b.submit(func(r *CallRequest) { r.Employee, r.Clip, r.From = "201", "", "" })
	if c.Employee != "emp_a" || c.From != "74951112244" || c.Trunk == "" || c.Recording == nil || c.Recording.RecordingID != "1003" {
		t.Errorf("the call: %+v", c)
	}
}

func TestNumbersOfAPoolTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.numbers = map[string]calls.Number{}
	for _, n := range []string{"74951110001", "74951110002", "74951110003"} {
		b.store.numbers[n] = calls.Number{Account: "main", Number: n, State: calls.NumberConfirmed, Pool: "ads"}
	}
	theirs := b.store.numbers["74951110002"]
	theirs.Campaigns = []string{"other"}
	b.store.numbers["74951110002"] = theirs
	used := map[string]int{}
	for range 6 {
		c := b.submit(func(r *CallRequest) { r.From = "pool:ads"; r.Ref = "" })
		used[c.From]++
	}
	if used["74951110002"] != 0 || used["74951110001"] < 2 || used["74951110003"] < 2 {
		t.Errorf("used: %v", used)
	}
}

func TestWhoCallsBackHearsWhatHeWasCalledFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from string
		wait time.Duration
		want string
	}{
		"soon":          {"+79004443322", time.Hour, "play 1001"},
		"as 8 …":        {"89004443322", time.Hour, "play 1001"},
		"much later":    {"+79004443322", 100 * time.Hour, "play 1002"},
		"somebody else": {"+79004443399", time.Hour, "play 1002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.e.cfg.Callbacks = 72 * time.Hour
			c := b.submit(func(r *CallRequest) { r.To, r.From, r.Ref = "79004443322", "78005553535", "parcel-7" })
			b.start(c, "main").end(calls.Ending{Code: 480, Rang: true, Timeout: true})
			b.over(c.ID)
			b.clock.Advance(tc.wait)
			b.drain()
			leg := newMemLeg("in")
			b.e.Incoming(leg, calls.Invite{Trunk: "main", From: tc.from, To: "78005553535"})
			b.told(leg, "ring", "answer")
			leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
			b.told(leg, tc.want)
			leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
			ev := b.events(calls.CallRinging)
			got := b.over(ev.CallID)
			if (got.Ref == "parcel-7") != (tc.want == "play 1001") {
				t.Errorf("ref %q", got.Ref)
			}
		})
	}
}

func TestANumberThatIsOnlyCalledFromTellsStrangersNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.e.cfg.Callbacks = 72 * time.Hour
	b.e.Reload(b.e.cfg.Trunks, nil)
	leg := newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", From: "+79004443399", To: "78005553535"})
	b.told(leg, "reject")
	ev := b.events(calls.CallRinging, calls.CallCompleted)
	var data struct{ Outcome, Reason string }
	if err := json.Unmarshal(ev.Data, &data); err != nil || data.Outcome != "missed" || data.Reason != string(calls.ReasonNoRoute) {
		t.Errorf("%v %+v", err, data)
	}
}

func TestACallFromANumberThatMayNotCallEndsBlocked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) { r.From = "" }) // which number is shown is settled only now
	b.store.blocked[c.To] = calls.BlockEntry{Number: c.To, Scope: "number:78005553535"}
	b.limits.closed = calls.ErrGateClosed
	b.release(c, "main")
	if got := b.over(c.ID); got.Outcome != calls.OutcomeBlocked || len(got.Attempts) != 0 {
		t.Errorf("ended %s with %d attempts", got.Outcome, len(got.Attempts))
	}
}
