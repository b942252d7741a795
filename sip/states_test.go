package sip

import "testing"

// walk follows events from a state and gives where they lead and what is done.
func walk(s state, events ...event) (state, []action) {
	var done []action
	for _, e := range events {
		if st, ok := lookup(s, e); ok {
			done = append(done, st.do)
			s = st.next
		}
	}
	return s, done
}

func TestWaysOfADialog(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		events []event
		end    state
		done   []action
	}{
		{"answered, we hang up", []event{evDial, evProvisional, evSuccess, evHangup, evByeDone}, stEnded,
			[]action{doInvite, doProgress, doEstablish, doBye, doLeft}},
		{"answered, they hang up", []event{evDial, evSuccess, evBye}, stEnded, []action{doInvite, doEstablish, doPeerBye}},
		{"twenty provisional responses", append(append([]event{evDial}, repeat(evProvisional, 20)...), evSuccess), stUp,
			append(append([]action{doInvite}, repeat(doProgress, 20)...), doEstablish)},
		{"challenged, then answered", []event{evDial, evChallenge, evProvisional, evSuccess}, stUp,
			[]action{doInvite, doAuthenticate, doProgress, doEstablish}},
		{"a challenge takes the right to CANCEL back", []event{evDial, evProvisional, evChallenge, evHangup, evProvisional}, stCanceling,
			[]action{doInvite, doProgress, doAuthenticate, doNothing, doCancel}},
		{"hung up before a provisional", []event{evDial, evHangup, evProvisional, evProvisional, evFailure}, stEnded,
			[]action{doInvite, doNothing, doCancel, doFail}},
		{"hung up, then answered before any CANCEL", []event{evDial, evHangup, evSuccess, evByeDone}, stEnded,
			[]action{doInvite, doNothing, doLateAnswer, doLeft}},
		{"200 crossing the CANCEL", []event{evDial, evProvisional, evHangup, evSuccess, evRepeat, evByeDone, evRepeat}, stEnded,
			[]action{doInvite, doProgress, doCancel, doLateAnswer, doReAck, doLeft, doReAck}},
		{"CANCEL without a final response", []event{evDial, evProvisional, evRingTimeout, evTimeout}, stEnded,
			[]action{doInvite, doProgress, doCancel, doGiveUp}},
		{"no common audio", []event{evDial, evNoMedia, evByeDone}, stEnded, []action{doInvite, doRefuseMedia, doLeft}},
		{"silence", []event{evDial, evTimeout}, stEnded, []action{doInvite, doGiveUp}},
		{"BYE crossing ours", []event{evDial, evSuccess, evHangup, evBye}, stEnded, []action{doInvite, doEstablish, doBye, doPeerByeLate}},
		{"a second hangup changes nothing", []event{evDial, evSuccess, evHangup, evHangup}, stLeaving, []action{doInvite, doEstablish, doBye}},
		{"taken", []event{evInvite, evRing, evProgress, evAnswer, evAck, evHangup}, stLeaving,
			[]action{doOffer, doRing, doEarly, doAccept, doConfirm, doBye}},
		{"refused", []event{evInvite, evReject, evAnswer}, stEnded, []action{doOffer, doReject}},
		{"cancelled", []event{evInvite, evRing, evCancel}, stEnded, []action{doOffer, doRing, doCanceled}},
		{"CANCEL after our 200 has no effect", []event{evInvite, evAnswer, evCancel, evAck}, stUp, []action{doOffer, doAccept, doConfirm}},
		{"hung up before the ACK: BYE waits", []event{evInvite, evAnswer, evHangup, evAck}, stLeaving,
			[]action{doOffer, doAccept, doNothing, doConfirmBye}},
		{"no ACK", []event{evInvite, evAnswer, evAckTimeout, evByeDone}, stEnded, []action{doOffer, doAccept, doNoAckBye, doLeft}},
		{"BYE while ringing", []event{evInvite, evRing, evBye}, stEnded, []action{doOffer, doRing, doPeerByeRing}},
		{"BYE without a dialog", []event{evDial, evProvisional, evBye}, stProceeding, []action{doInvite, doProgress, doUnknownBye}},
	} {
		end, done := walk(stNew, tc.events...)
		if end != tc.end {
			t.Errorf("%s: ends in state %d, want %d", tc.name, end, tc.end)
		}
		if len(done) != len(tc.done) {
			t.Errorf("%s: does %v, want %v", tc.name, done, tc.done)
			continue
		}
		for i := range done {
			if done[i] != tc.done[i] {
				t.Errorf("%s: does %v, want %v", tc.name, done, tc.done)
				break
			}
		}
	}
}

func repeat[T any](v T, n int) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

func TestEveryStateComesToAnEnd(t *testing.T) {
	t.Parallel()
	for s := stNew; s < stEnded; s++ {
		if next, ok := lookup(s, evAbort); !ok || next.next != stEnded {
			t.Errorf("state %d survives the end of the user agent", s)
		}
		for e, st := range table[s] {
			if e < 0 || e >= eventCount || st.next < s && st.next == stNew {
				t.Errorf("state %d, event %d: leads back to the beginning", s, e)
			}
		}
	}
	for e := event(0); e < eventCount; e++ {
		if st, ok := lookup(stEnded, e); ok && st.next != stEnded {
			t.Errorf("event %d wakes an ended dialog", e)
		}
	}
}

func TestNoMediaBeforeOurTimeAndNoByeBeforeTheAck(t *testing.T) {
	t.Parallel()
	byes := map[action]bool{doBye: true, doConfirmBye: true, doNoAckBye: true, doLateAnswer: true, doRefuseMedia: true, doGoneBye: true, doExpired: true}
	for s, row := range table {
		for e, st := range row {
			if byes[st.do] != (st.next == stLeaving && state(s) != stLeaving) {
				t.Errorf("state %d, event %d: action %d and next state %d do not fit: leaving means a BYE was sent", s, e, st.do, st.next)
			}
			if st.do == doCancel && (state(s) == stCalling || e == evSuccess) {
				t.Errorf("state %d, event %d: CANCEL without a provisional response", s, e)
			}
		}
	}
}
