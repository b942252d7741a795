package sip

import (
	"strings"
	"testing"
)

// The names of the table, in order.
var (
	stateNames  = strings.Fields("New Calling Proceeding CancelWait Canceling Incoming Answering ByeOnAck Up Leaving Ended")
	eventNames  = strings.Fields(`Dial Provisional Challenge Success NoMedia Repeat Failure Timeout Transport Hangup RingTimeout Invite Ring Progress Answer Reject Cancel Ack AckTimeout Bye ByeDone Gone Expired Abort`)
	actionNames = strings.Fields(`Nothing Invite Progress Authenticate Establish RefuseMedia LateAnswer ReAck Fail GiveUp Cancel Offer Ring Early Accept Reject HangupReject Canceled Confirm ConfirmBye Bye NoAckBye GoneBye Expired PeerBye PeerByeRing PeerByeLate UnknownBye Left Abort`)
)

// lifeOfALeg is the whole table, read by event: what each does in which state. A state
// that is not named ignores the event; a BYE there gets 481.
const lifeOfALeg = `
Dial
    New          Invite         Calling
Provisional
    Calling      Progress       Proceeding
    Proceeding   Progress       Proceeding
    CancelWait   Cancel         Canceling
Challenge
    Calling      Authenticate   Calling
    Proceeding   Authenticate   Calling
    CancelWait   Fail           Ended
    Canceling    Fail           Ended
Success
    Calling      Establish      Up
    Proceeding   Establish      Up
    CancelWait   LateAnswer     Leaving
    Canceling    LateAnswer     Leaving
NoMedia
    Calling      RefuseMedia    Leaving
    Proceeding   RefuseMedia    Leaving
    CancelWait   LateAnswer     Leaving
    Canceling    LateAnswer     Leaving
Repeat
    Up           ReAck          Up
    Leaving      ReAck          Leaving
    Ended        ReAck          Ended
Failure
    Calling      Fail           Ended
    Proceeding   Fail           Ended
    CancelWait   Fail           Ended
    Canceling    Fail           Ended
Timeout
    Calling      GiveUp         Ended
    Proceeding   GiveUp         Ended
    CancelWait   GiveUp         Ended
    Canceling    GiveUp         Ended
Transport
    New          GiveUp         Ended
    Calling      GiveUp         Ended
    Proceeding   GiveUp         Ended
    CancelWait   GiveUp         Ended
    Canceling    GiveUp         Ended
    Incoming     GiveUp         Ended
    Answering    GiveUp         Ended
Hangup
    New          GiveUp         Ended
    Calling      Nothing        CancelWait
    Proceeding   Cancel         Canceling
    Incoming     HangupReject   Ended
    Answering    Nothing        ByeOnAck
    Up           Bye            Leaving
RingTimeout
    Calling      Nothing        CancelWait
    Proceeding   Cancel         Canceling
    Incoming     HangupReject   Ended
Invite
    New          Offer          Incoming
Ring
    Incoming     Ring           Incoming
Progress
    Incoming     Early          Incoming
Answer
    Incoming     Accept         Answering
Reject
    Incoming     Reject         Ended
Cancel
    Incoming     Canceled       Ended
Ack
    Answering    Confirm        Up
    ByeOnAck     ConfirmBye     Leaving
AckTimeout
    Answering    NoAckBye       Leaving
    ByeOnAck     NoAckBye       Leaving
    Up           NoAckBye       Leaving
Bye
    Incoming     PeerByeRing    Ended
    Answering    PeerBye        Ended
    ByeOnAck     PeerBye        Ended
    Up           PeerBye        Ended
    Leaving      PeerByeLate    Ended
ByeDone
    Leaving      Left           Ended
Gone
    Up           GoneBye        Leaving
Expired
    Up           Expired        Leaving
Abort
    New          Abort          Ended
    Calling      Abort          Ended
    Proceeding   Abort          Ended
    CancelWait   Abort          Ended
    Canceling    Abort          Ended
    Incoming     Abort          Ended
    Answering    Abort          Ended
    ByeOnAck     Abort          Ended
    Up           Abort          Ended
    Leaving      Abort          Ended
`

// TestTheWholeTable asserts every state × event, the impossible ones too.
func TestTheWholeTable(t *testing.T) {
	t.Parallel()
	if len(stateNames) != int(stateCount) || len(eventNames) != int(eventCount) {
		t.Fatalf("%d states and %d events are named, want %d and %d", len(stateNames), len(eventNames), stateCount, eventCount)
	}
	want, event := map[string]string{}, ""
	for line := range strings.Lines(lifeOfALeg) {
		switch f := strings.Fields(line); len(f) {
		case 1:
			event = f[0]
		case 3:
			want[f[0]+" "+event] = f[1] + " " + f[2]
		}
	}
	for s := range stateCount {
		for e := range eventCount {
			cell := stateNames[s] + " " + eventNames[e]
			expected, got := want[cell], ""
			if expected == "" && e == evBye {
				expected = "UnknownBye " + stateNames[s]
			}
			delete(want, cell)
			if st, ok := lookup(s, e); ok {
				got = actionNames[st.do] + " " + stateNames[st.next]
			}
			if got != expected {
				t.Errorf("%s: %q, want %q", cell, got, expected)
			}
		}
	}
	for cell := range want {
		t.Errorf("%q names no state or event", cell)
	}
}
