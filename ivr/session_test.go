package ivr

import (
	"math/rand/v2"
	"slices"
	"testing"

	"zvonar/internal/calls"
)

// scene is a conversation: pairs of an input and what the leg is told because of it.
type scene []struct {
	in   string
	want []string
}

func told(w ...string) []string { return w }

func TestConversations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flow  calls.Flow
		scene scene
	}{
		"a clip without digits ends half a second after its last word": {flowOf(nil), scene{
			{"start", told("play A")}, {"digit 1", nil}, {"end", told("after 500ms")}, {"digit 1", nil}, {"pause", told("hangup flow_end")}}},
		"a map of ten empty elements asks nothing": {flowOf(make(calls.DigitMap, 10)), scene{
			{"start", told("play A")}, {"digit 5", nil}, {"end", told("after 500ms")}, {"pause", told("hangup flow_end")}}},
		"without digits the clip is repeated on end": {flowOf(nil, func(f *calls.Flow) { f.Repeats = 2 }), scene{
			{"start", told("play A")}, {"end", told("play A")}, {"end", told("after 500ms")}, {"pause", told("hangup flow_end")}}},
		"loop without digits goes round without a gap": {flowOf(nil, func(f *calls.Flow) { f.Loop = true }), scene{
			{"start", told("loop A")}, {"digit 1", nil}, {"end", told("after 500ms")}, {"pause", told("hangup flow_end")}}},
		"nobody presses anything": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"timeout", told("after 500ms")}, {"pause", told("hangup no_digit")}}},
		"repeats counts plays in all": {flowOf(everyKind(), func(f *calls.Flow) { f.Repeats = 2 }), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"timeout", told("play A")}, {"end", told("after 5s")},
			{"timeout", told("after 500ms")}, {"pause", told("hangup no_digit")}}},
		"loop asks for ever": {flowOf(everyKind(), func(f *calls.Flow) { f.Loop = true }), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"timeout", told("play A")}, {"end", told("after 5s")}, {"timeout", told("play A")}}},
		"a digit interrupts the clip and plays the next at once": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 1", told("stop digit", "play B", "act 1 record B")}, {"old end", nil}, {"end", told("after 5s")}}},
		"the same map holds after a record": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 1", told("stop digit", "play B", "act 1 record B")}, {"end", told("after 5s")},
			{"digit 1", told("play B", "act 1 record B")}, {"digit 1", told("stop digit", "play B", "act 1 record B")}}},
		"a nested map replaces it": {flowOf(calls.DigitMap{{{Kind: calls.ActionRecord, Value: "B", Digits: calls.DigitMap{nil, record("C")}}}}), scene{
			{"start", told("play A")}, {"digit 0", told("stop digit", "play B", "act 0 record B")}, {"digit 0", nil},
			{"digit 1", told("stop digit", "play C", "act 1 record C")}}},
		"a nested empty map ends with its clip": {flowOf(calls.DigitMap{{{Kind: calls.ActionRecord, Value: "B", Digits: calls.DigitMap{}}}}), scene{
			{"start", told("play A")}, {"digit 0", told("stop digit", "play B", "act 0 record B")}, {"digit 0", nil},
			{"end", told("after 500ms")}, {"pause", told("hangup flow_end")}}},
		"the clip after a digit has its own repeats": {flowOf(everyKind(), func(f *calls.Flow) { f.Repeats = 2 }), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"timeout", told("play A")}, {"digit 1", told("stop digit", "play B", "act 1 record B")},
			{"end", told("after 5s")}, {"timeout", told("play B")}}},
		"a digit after the clip": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"digit 1", told("play B", "act 1 record B")}, {"timeout", nil}}},
		"a digit in the last half second counts": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"timeout", told("after 500ms")}, {"digit 9", nil},
			{"digit 1", told("play B", "act 1 record B")}, {"pause", nil}}},
		"without barge-in a digit waits for the clip": {flowOf(everyKind(), func(f *calls.Flow) { f.BargeIn = false }), scene{
			{"start", told("play A")}, {"digit 3", nil}, {"end", told("after 5s", "act 3 smsText hello")}}},
		"without barge-in impatience is one choice": {flowOf(everyKind(), func(f *calls.Flow) { f.BargeIn = false }), scene{
			{"start", told("play A")}, {"digit 9", nil}, {"digit 1", nil}, {"digit 1", nil}, {"digit 3", nil},
			{"end", told("after 5s", "play B", "act 1 record B")}, {"end", told("after 5s")}}},
		"without barge-in a wrong digit is counted at the clip's end": {flowOf(everyKind(), func(f *calls.Flow) { f.BargeIn, f.MaxInvalid = false, 1 }), scene{
			{"start", told("play A")}, {"digit 9", nil}, {"end", told("after 5s", "hangup invalid_digits")}}},
		"the manager is reached": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 2", told("stop digit", "act 2 managerPhone 7424")}, {"digit 1", nil}, {"timeout", nil},
			{"bridged", told("hangup bridge_end")}, {"digit 1", nil}}},
		"the manager is busy, busy_record says so": {flowOf(everyKind(), func(f *calls.Flow) { f.Manager.BusyRecord = "Y" }), scene{
			{"start", told("play A")}, {"digit 2", told("stop digit", "act 2 managerPhone 7424")}, {"busy", told("play Y")},
			{"end", told("after 5s")}, {"timeout", told("after 500ms")}, {"pause", told("hangup no_digit")}}},
		"the manager is busy, the menu is heard again once": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 2", told("stop digit", "act 2 managerPhone 7424")}, {"busy", told("play A")},
			{"end", told("after 5s")}, {"timeout", told("after 500ms")}, {"pause", told("hangup no_digit")}}},
		"busy_record can be interrupted": {flowOf(everyKind(), func(f *calls.Flow) { f.Manager.BusyRecord = "Y" }), scene{
			{"start", told("play A")}, {"digit 2", told("stop digit", "act 2 managerPhone 7424")}, {"busy", told("play Y")},
			{"digit 1", told("stop digit", "play B", "act 1 record B")}}},
		"a manager that cannot be rung at all is like a busy one": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 2", told("stop digit", "act 2 managerPhone 7424")}, {"failed", told("play A")}}},
		"an SMS, then sms_record, then the menu": {flowOf(everyKind(), func(f *calls.Flow) { f.SMSRecord = "S" }), scene{
			{"start", told("play A")}, {"digit 3", told("stop digit", "act 3 smsText hello")}, {"ok", told("play S")}, {"end", told("after 5s")},
			{"digit 1", told("play B", "act 1 record B")}}},
		"an SMS without sms_record": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 3", told("stop digit", "act 3 smsText hello")}, {"ok", told("play A")}}},
		"an SMS that failed is not announced": {flowOf(everyKind(), func(f *calls.Flow) { f.SMSRecord = "S" }), scene{
			{"start", told("play A")}, {"digit 3", told("stop digit", "act 3 smsText hello")}, {"failed", told("play A")}}},
		"a block says goodbye to its end": {flowOf(everyKind(), func(f *calls.Flow) { f.BlockRecord = "X" }), scene{
			{"start", told("play A")}, {"digit 4", told("stop digit", "act 4 needBlock 1")}, {"ok", told("play X")}, {"digit 1", nil},
			{"end", told("after 500ms")}, {"digit 1", nil}, {"pause", told("hangup blocked_by_digit")}}},
		"a block without block_record": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 4", told("stop digit", "act 4 needBlock 1")}, {"ok", told("hangup blocked_by_digit")}}},
		"a block that failed may be tried again": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 4", told("stop digit", "act 4 needBlock 1")}, {"failed", told("play A")}}},
		"wrong digits without invalid_record do not cut the clip": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 9", nil}, {"digit *", nil}, {"digit #", told("stop digit", "hangup invalid_digits")}}},
		"a wrong digit starts the wait anew": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"end", told("after 5s")}, {"digit 0", told("after 5s")}, {"digit 0", told("after 5s")},
			{"digit 0", told("hangup invalid_digits")}}},
		"a known digit forgives the wrong ones": {flowOf(everyKind()), scene{
			{"start", told("play A")}, {"digit 9", nil}, {"digit 9", nil}, {"digit 1", told("stop digit", "play B", "act 1 record B")}, {"digit 9", nil}, {"digit 9", nil}}},
		"invalid_record, then the clip that was cut short": {flowOf(everyKind(), func(f *calls.Flow) { f.InvalidRecord = "I" }), scene{
			{"start", told("play A")}, {"digit 9", told("stop digit", "play I")}, {"end", told("play A")}, {"end", told("after 5s")},
			{"digit 9", told("play I")}, {"end", told("after 5s")}, {"digit 9", told("play I")}, {"digit 1", nil}, {"end", told("after 500ms")}, {"pause", told("hangup invalid_digits")}}},
		"several actions run in order, prompts at the end only": {flowOf(calls.DigitMap{{act(calls.ActionSMS, "x"), act(calls.ActionManager, "7"), act(calls.ActionManager, "8")}},
			func(f *calls.Flow) { f.SMSRecord, f.Manager.BusyRecord = "S", "Y" }), scene{
			{"start", told("play A")}, {"digit 0", told("stop digit", "act 0 smsText x")}, {"ok", told("act 0 managerPhone 7")},
			{"busy", told("act 0 managerPhone 8")}, {"busy", told("play Y")}, {"end", told("after 5s")}}},
		"an SMS and a record": {flowOf(calls.DigitMap{{act(calls.ActionSMS, "x"), record("B")[0]}}, func(f *calls.Flow) { f.SMSRecord = "S" }), scene{
			{"start", told("play A")}, {"digit 0", told("stop digit", "act 0 smsText x")}, {"ok", told("play B", "act 0 record B")}, {"end", told("after 5s")}}},
		"answer_only waits": {flowOf(nil, func(f *calls.Flow) { f.AnswerOnly, f.Record = true, "" }), scene{
			{"start", nil}, {"digit 1", nil}, {"timeout", nil}, {"pause", nil}}},
		"answer_only with digits is a silent menu": {flowOf(everyKind(), func(f *calls.Flow) { f.AnswerOnly, f.Record = true, "" }), scene{
			{"start", nil}, {"digit 3", told("act 3 smsText hello")}, {"ok", nil}, {"digit 1", told("play B", "act 1 record B")}, {"end", nil}, {"digit 1", told("play B", "act 1 record B")}}},
		"a clip that is not pinned ends the call": {flowOf(nil, func(f *calls.Flow) { f.Record = "lost" }), scene{
			{"start", told("hangup clip_unavailable")}}},
		"a next clip that is not pinned ends the call": {flowOf(calls.DigitMap{record("lost")}), scene{
			{"start", told("play A")}, {"digit 0", told("stop digit", "hangup clip_unavailable")}}},
		"the end that a hang-up brings starts nothing": {flowOf(nil, func(f *calls.Flow) { f.Repeats = 5 }), scene{
			{"start", told("play A")}, {"hangup", nil}}},
		"a second start does nothing": {flowOf(nil), scene{{"start", told("play A")}, {"start", nil}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.flow)
			for _, line := range c.scene {
				b.run(line.in, line.want...)
			}
		})
	}
}

func TestActionsMayEndBeforeTheyReturn(t *testing.T) {
	t.Parallel()
	b := newBench(t, flowOf(calls.DigitMap{{act(calls.ActionManager, "7"), act(calls.ActionManager, "8"), act(calls.ActionBlock, "1")}}))
	b.leg.onAct = func(digit byte, a calls.Action) {
		end := ManagerNotReached
		if a.Kind == calls.ActionBlock {
			end = ActionOK
		}
		b.s.OnActionDone(digit, a, end, "")
	}
	b.run("start", "play A")
	b.run("digit 0", "stop digit", "act 0 managerPhone 7", "act 0 managerPhone 8", "act 0 needBlock 1", "hangup blocked_by_digit")
}

func TestWhatARequestCutsOffIsNotSaidToBeADigits(t *testing.T) {
	t.Parallel()
	b := newBench(t, flowOf(everyKind()))
	b.run("start", "play A")
	b.leg.told = nil
	if !b.s.Do(act(calls.ActionManager, "7")) {
		t.Fatal("the session took no action while its clip played")
	}
	if want := []string{"stop stopped", "act \x00 managerPhone 7"}; !slices.Equal(b.leg.told, want) {
		t.Fatalf("the leg was told %q, want %q", b.leg.told, want)
	}
}

func TestAnEndOfAnotherActionIsPassedOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, flowOf(everyKind()))
	b.run("start", "play A")
	b.run("digit 2", "stop digit", "act 2 managerPhone 7424")
	b.s.OnActionDone('3', act(calls.ActionSMS, "hello"), ActionOK, "")
	b.s.OnActionDone('2', act(calls.ActionBlock, "1"), ActionOK, "")
	b.in(acting)
}

// TestEveryInputInEveryState drives a session into each state and gives it each
// input: where the table lists nothing, nothing may happen.
func TestEveryInputInEveryState(t *testing.T) {
	t.Parallel()
	ways := map[state][]string{
		idle: nil, playing: {"start"}, waiting: {"start", "end"}, acting: {"start", "digit 3"}, prompting: {"start", "digit 3", "ok"},
		farewell: {"start", "digit 4", "ok"}, leaving: {"start", "end", "timeout"}, over: {"start", "digit 2", "bridged"}, open: {"start"},
	}
	inputs := map[string]input{"start": started, "end": played, "digit 1": pressed, "timeout": digitTimer, "pause": leaveTimer, "ok": done}
	for st := idle; st <= over; st++ {
		for in, kind := range inputs {
			t.Run(st.String()+" "+in, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, flowOf(everyKind(), func(f *calls.Flow) {
					f.SMSRecord, f.BlockRecord, f.AnswerOnly = "S", "X", st == open
				}))
				for _, w := range ways[st] {
					b.input(w)
				}
				b.in(st)
				b.leg.told = nil
				b.input(in)
				if listed := steps[st][kind] != nil; listed == (len(b.leg.told) == 0) {
					t.Errorf("listed in the table: %v; the leg was told %q", listed, b.leg.told)
				}
			})
		}
	}
}

// TestRandomConversationsHangUpAtMostOnce: fakeLeg fails the test on anything
// asked of it after the hang-up.
func TestRandomConversationsHangUpAtMostOnce(t *testing.T) {
	t.Parallel()
	inputs := []string{"end", "old end", "hangup", "timeout", "pause", "ok", "failed", "busy", "bridged", "start",
		"digit 0", "digit 1", "digit 2", "digit 3", "digit 4", "digit 9", "digit *", "digit #"}
	maps := []calls.DigitMap{nil, everyKind(), {{act(calls.ActionSMS, "x"), act(calls.ActionManager, "7"), record("C")[0]},
		{{Kind: calls.ActionRecord, Value: "B", Digits: everyKind()}}, record("lost")}}
	clips := []calls.ClipID{"", "P", "lost"}
	ends := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := newBench(t, flowOf(maps[r.IntN(len(maps))], func(f *calls.Flow) {
			f.Loop, f.BargeIn, f.AnswerOnly, f.Repeats, f.MaxInvalid = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(5) == 0, 1+r.IntN(3), 1+r.IntN(3)
			f.InvalidRecord, f.SMSRecord, f.BlockRecord, f.Manager.BusyRecord = clips[r.IntN(3)], clips[r.IntN(3)], clips[r.IntN(3)], clips[r.IntN(3)]
		}))
		if r.IntN(2) == 0 {
			b.leg.onAct = func(d byte, a calls.Action) { b.s.OnActionDone(d, a, ActionEnd(1+r.IntN(5)), "") }
		}
		b.s.Start()
		for range 60 {
			b.input(inputs[r.IntN(len(inputs))])
		}
		if b.leg.hungUp > 1 {
			t.Fatalf("seed %d: hung up %d times", seed, b.leg.hungUp)
		}
		if (b.leg.hungUp == 1) != (b.s.state == over) {
			t.Fatalf("seed %d: hung up %d times, state %s", seed, b.leg.hungUp, b.s.state)
		}
		ends += b.leg.hungUp
	}
	if ends < 500 {
		t.Errorf("only %d of 3000 conversations came to an end: the test drives nothing", ends)
	}
}
