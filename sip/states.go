package sip

import "zvonar/internal/calls"

// state is where a dialog stands.
type state int

// The states. The left column of RFC 3261's figures, both roles in one list.
const (
	stNew        state = iota // made, nothing sent or decided
	stCalling                 // INVITE sent, nothing heard
	stProceeding              // a provisional response was heard
	stCancelWait              // to be cancelled as soon as a provisional response comes (RFC 3261 9.1)
	stCanceling               // CANCEL sent
	stIncoming                // INVITE received, no final response sent
	stAnswering               // 2xx sent, ACK not received
	stByeOnAck                // hung up while answering: BYE has to wait for the ACK (RFC 3261 15)
	stUp                      // established
	stLeaving                 // BYE sent
	stEnded                   // over; only repeated messages are still answered
	stateCount
)

// event is what happens to a dialog.
type event int

// The events.
const (
	evDial        event = iota // the leg is to be placed
	evProvisional              // 1xx to our INVITE
	evChallenge                // 401, 407 or 422 that we can answer
	evSuccess                  // first 2xx with audio that we accept
	evNoMedia                  // first 2xx whose audio we cannot accept
	evRepeat                   // the same 2xx again
	evFailure                  // final response >= 300
	evTimeout                  // no response in time (Timer B, or 64*T1 after our CANCEL)
	evTransport                // could not be sent
	evHangup                   // our side wants to end it
	evRingTimeout              // rang long enough
	evInvite                   // INVITE received
	evRing                     // our side: send 180
	evProgress                 // our side: send 183 with audio
	evAnswer                   // our side: send 200
	evReject                   // our side: send a final >= 300
	evCancel                   // CANCEL received
	evAck                      // ACK for our 2xx
	evAckTimeout               // no ACK for 64*T1
	evBye                      // BYE received
	evByeDone                  // our BYE was answered, or nobody answers it
	evGone                     // the far end does not know the dialog any more, or is silent
	evExpired                  // nobody refreshed the session in time
	evAbort                    // the user agent stops now
	eventCount
)

// action is what is to be done; see perform.
type action int

// The actions.
const (
	doNothing action = iota
	doInvite
	doProgress
	doAuthenticate
	doEstablish
	doRefuseMedia // ACK, then BYE: their answer has no audio for us
	doLateAnswer  // ACK, then BYE: answered though we cancelled
	doReAck
	doFail   // end by their final response
	doGiveUp // end without a response
	doCancel
	doOffer // let our side decide on an inbound call
	doRing
	doEarly
	doAccept
	doReject
	doHangupReject // 480: hung up before an answer
	doCanceled     // end by their CANCEL
	doConfirm
	doConfirmBye // the ACK came at last: now BYE
	doBye
	doNoAckBye    // the ACK never came: BYE
	doGoneBye     // a request within the dialog found nobody: BYE
	doExpired     // BYE
	doPeerBye     // 200, end
	doPeerByeRing // BYE before the answer: 200, 487 to the INVITE, end
	doPeerByeLate // BYE crossing ours: 200, end
	doUnknownBye  // 481
	doLeft        // our BYE is done: end
	doAbort
)

// step is one cell of the table.
type step struct {
	do   action
	next state
}

// table is the life of a dialog. An event that has no cell in a state changes
// nothing; a BYE without a cell gets 481.
var table = [stateCount]map[event]step{
	stNew: {
		evDial:      {doInvite, stCalling},
		evInvite:    {doOffer, stIncoming},
		evTransport: {doGiveUp, stEnded},
		evHangup:    {doGiveUp, stEnded},
		evAbort:     {doAbort, stEnded},
	},
	stCalling: {
		evProvisional: {doProgress, stProceeding},
		evChallenge:   {doAuthenticate, stCalling},
		evSuccess:     {doEstablish, stUp},
		evNoMedia:     {doRefuseMedia, stLeaving},
		evFailure:     {doFail, stEnded},
		evTimeout:     {doGiveUp, stEnded},
		evTransport:   {doGiveUp, stEnded},
		evHangup:      {doNothing, stCancelWait},
		evRingTimeout: {doNothing, stCancelWait},
		evAbort:       {doAbort, stEnded},
	},
	stProceeding: {
		evProvisional: {doProgress, stProceeding},
		evChallenge:   {doAuthenticate, stCalling},
		evSuccess:     {doEstablish, stUp},
		evNoMedia:     {doRefuseMedia, stLeaving},
		evFailure:     {doFail, stEnded},
		evTimeout:     {doGiveUp, stEnded},
		evTransport:   {doGiveUp, stEnded},
		evHangup:      {doCancel, stCanceling},
		evRingTimeout: {doCancel, stCanceling},
		evAbort:       {doAbort, stEnded},
	},
	stCancelWait: {
		evProvisional: {doCancel, stCanceling},
		evChallenge:   {doFail, stEnded},
		evSuccess:     {doLateAnswer, stLeaving},
		evNoMedia:     {doLateAnswer, stLeaving},
		evFailure:     {doFail, stEnded},
		evTimeout:     {doGiveUp, stEnded},
		evTransport:   {doGiveUp, stEnded},
		evAbort:       {doAbort, stEnded},
	},
	stCanceling: {
		evChallenge: {doFail, stEnded},
		evSuccess:   {doLateAnswer, stLeaving},
		evNoMedia:   {doLateAnswer, stLeaving},
		evFailure:   {doFail, stEnded},
		evTimeout:   {doGiveUp, stEnded},
		evTransport: {doGiveUp, stEnded},
		evAbort:     {doAbort, stEnded},
	},
	stIncoming: {
		evRing:        {doRing, stIncoming},
		evProgress:    {doEarly, stIncoming},
		evAnswer:      {doAccept, stAnswering},
		evReject:      {doReject, stEnded},
		evHangup:      {doHangupReject, stEnded},
		evRingTimeout: {doHangupReject, stEnded},
		evCancel:      {doCanceled, stEnded},
		evBye:         {doPeerByeRing, stEnded},
		evTransport:   {doGiveUp, stEnded},
		evAbort:       {doAbort, stEnded},
	},
	stAnswering: {
		evAck:        {doConfirm, stUp},
		evAckTimeout: {doNoAckBye, stLeaving},
		evHangup:     {doNothing, stByeOnAck},
		evBye:        {doPeerBye, stEnded},
		evTransport:  {doGiveUp, stEnded},
		evAbort:      {doAbort, stEnded},
	},
	stByeOnAck: {
		evAck:        {doConfirmBye, stLeaving},
		evAckTimeout: {doNoAckBye, stLeaving},
		evBye:        {doPeerBye, stEnded},
		evAbort:      {doAbort, stEnded},
	},
	stUp: {
		evRepeat:     {doReAck, stUp},
		evHangup:     {doBye, stLeaving},
		evAckTimeout: {doNoAckBye, stLeaving},
		evGone:       {doGoneBye, stLeaving},
		evExpired:    {doExpired, stLeaving},
		evBye:        {doPeerBye, stEnded},
		evAbort:      {doAbort, stEnded},
	},
	stLeaving: {
		evRepeat:  {doReAck, stLeaving},
		evBye:     {doPeerByeLate, stEnded},
		evByeDone: {doLeft, stEnded},
		evAbort:   {doAbort, stEnded},
	},
	stEnded: {
		evRepeat: {doReAck, stEnded},
	},
}

// lookup finds what to do; ok is false where the event changes nothing.
func lookup(s state, e event) (step, bool) {
	st, ok := table[s][e]
	if !ok && e == evBye {
		return step{doUnknownBye, s}, true
	}
	return st, ok
}

// perform does a; the dialog is in the next state already.
func (l *Leg) perform(a action, in *input) {
	switch a {
	case doNothing:
	case doInvite:
		l.invite()
	case doProgress:
		l.progressed(in)
	case doAuthenticate:
		l.authenticate(in)
	case doEstablish:
		l.establish(in)
	case doRefuseMedia:
		l.refuseMedia(in)
	case doLateAnswer:
		l.lateAnswer(in)
	case doReAck:
		l.reAck(in.res)
	case doFail:
		l.failed(in)
	case doGiveUp:
		l.gaveUp(in)
	case doCancel:
		l.cancel()
	case doOffer:
		l.offered(in)
	case doRing:
		l.ring()
	case doEarly:
		l.early(in)
	case doAccept:
		l.accept()
	case doReject, doHangupReject:
		l.reject(in)
	case doCanceled:
		l.canceledByPeer(in)
	case doConfirm, doConfirmBye, doNoAckBye:
		l.acknowledged(a, in)
	case doExpired:
		l.expired()
	case doGoneBye:
		l.endedBy(calls.ByNetwork)
		l.ending.Expired = true
		l.bye()
	case doBye:
		l.bye()
	case doPeerBye, doPeerByeLate, doPeerByeRing, doUnknownBye:
		l.peerBye(a, in)
	case doLeft:
		l.finish()
	case doAbort:
		l.abort()
	}
}
