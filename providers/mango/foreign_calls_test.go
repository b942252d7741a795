package mango

import (
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers/providerstest"
)

// strangers is a client whose house hears of calls that nobody asked for.
func strangers(t *testing.T) (*world, *providerstest.World) {
	t.Helper()
	w := newWorld(t, nil)
	h := providerstest.New(w.clock)
	h.Memory.Employees = []*calls.Employee{{ID: "emp_1", Account: "main", Extension: "201"}}
	w.c.house.Engine, w.c.house.Store = h.Engine, h.Memory
	return w, h
}

// heard waits until so many reports were told to the engine.
func heard(t *testing.T, h *providerstest.World, n int) (states []calls.ReportState, list []providerstest.Told) {
	t.Helper()
	for range 5000 {
		if list = h.Engine.Foreigns(); len(list) >= n {
			break
		}
		waitABit()
	}
	for _, f := range list {
		states = append(states, f.Report.State)
	}
	return states, list
}

func TestCallsThatNobodyAskedForAreToldToTheEngine(t *testing.T) {
	t.Parallel()
	w, h := strangers(t)
	caller, line := party{Number: "79001234567"}, party{Number: "74951234567", Line: "74951234567"}
	leg := func(id string, seq number, state legState, location text, to party, reason number) {
		if got := w.notify(pathCall, callNotice{Entry: "in1", Call: text(id), Seq: seq, State: state, Location: location, Timestamp: stamp(noon), From: caller, To: to, Reason: reason}); got != 200 {
			t.Fatal(got)
		}
	}
	leg("a", 1, legAppeared, "ivr", line, 0)
	leg("a", 2, legConnected, "ivr", line, 0)
	if list := h.Engine.Foreigns(); len(list) != 0 {
		t.Errorf("it was told before it was sure: %+v", list)
	}
	w.clock.Advance(2 * time.Second)
	person := party{Extension: "201", Number: "sip:anna", Line: "74951234567"}
	leg("b", 1, legAppeared, "abonent", person, 0)
	leg("b", 2, legConnected, "abonent", person, 0)
	leg("b", 3, legDisconnected, "abonent", person, 1110)
	s := summaryOf("in1", "74951234567", 30*time.Second, 1110)
	s.Direction, s.From, s.To, s.Line = directionIn, caller, person, "74951234567"
	w.notify(pathSummary, s)
	w.notify(pathSummary, s)
	w.notify(pathRecordAdded, recordNotice{Entry: "in1", Recording: "cmVj"})
	states, list := heard(t, h, 4)
	if !slices.Equal(states, []calls.ReportState{calls.ReportRinging, calls.ReportAnswered, calls.ReportEnded, calls.ReportRecord}) {
		t.Fatalf("%v", states)
	}
	if f := list[1].Call; f.Account != "main" || f.Provider != "office" || f.ProviderCallID != "in1" || f.Direction != calls.In || f.From != "79001234567" || f.To != "74951234567" || f.Employee != "emp_1" {
		t.Errorf("%+v", f)
	}
	if r := list[2].Report; r.By != calls.ByCustomer || r.TalkMS != 30000 {
		t.Errorf("%+v", r)
	}
}

func TestAMissedCallAndOneOfAnEmployeeAreTold(t *testing.T) {
	t.Parallel()
	w, h := strangers(t)
	missed := summaryOf("in2", "74951234567", 0, 1111)
	missed.Direction, missed.From, missed.Line = directionIn, party{Number: "79001234567"}, "74951234567"
	w.notify(pathSummary, missed)
	w.clock.Advance(2 * time.Second)
	if _, list := heard(t, h, 1); len(list) != 1 || list[0].Report.Outcome != calls.OutcomeMissed || list[0].Call.Direction != calls.In {
		t.Fatalf("%+v", list)
	}
	w.notify(pathCall, callNotice{Entry: "out1", Call: "x", Seq: 1, State: legAppeared, Location: "abonent", From: party{Extension: "201", Number: "sip:a"}, To: party{Number: "79001234567", Line: "74951234567"}})
	internal := callNotice{Entry: "int1", Call: "x", Seq: 1, State: legAppeared, Location: "abonent", From: party{Extension: "201"}, To: party{Extension: "202"}}
	w.notify(pathCall, internal)
	w.clock.Advance(2 * time.Second)
	_, list := heard(t, h, 2)
	if len(list) != 2 || list[1].Report.State != calls.ReportRinging || list[1].Call.Direction != calls.Out || list[1].Call.To != "79001234567" || list[1].Call.Employee != "emp_1" {
		t.Errorf("%+v", list)
	}
}

func TestACallOfOursThatIsNamedLateIsNoStrangersAnyMore(t *testing.T) {
	t.Parallel()
	w, h := strangers(t)
	f := w.follow(t, request("att1", "74955404444"))
	list := scenario("att1", "e1", "74955404444")
	w.notify(pathCall, list[3])
	w.clock.Advance(3 * time.Second)
	heard(t, h, 1)
	w.notify(pathCall, list[0]) // only now the command is named
	states, _ := heard(t, h, 2)
	if !slices.Equal(states, []calls.ReportState{calls.ReportRinging, calls.ReportEnded}) {
		t.Errorf("%v", states)
	}
	w.notify(pathCall, list[4])
	w.notify(pathSummary, summaryOf("e1", "74955404444", time.Second, 1120))
	if states, _ := f.states(t); !slices.Contains(states, calls.ReportAnswered) {
		t.Errorf("%v", states)
	}
}
