package sip

import (
	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// cancel sends CANCEL for the INVITE. Its final response ends the leg; if none
// comes, 64*T1 does (RFC 3261 9.1).
func (l *Leg) cancel() {
	l.ending.Canceled = true
	l.endedBy(calls.ByZvonar)
	l.stopTimer(timerRing)
	l.hangupMedia()
	why := l.uac.reason
	if why == nil && l.ending.Timeout {
		why = reason(19, "no answer")
	} else if why == nil {
		why = reason(16, "")
	}
	l.ua.sendCancel(l.uac.invite, why)
	l.after(timerPending, afterT1s(64), func() { l.handle(&input{ev: evTimeout}) })
}

// sendCancel sends a CANCEL for an INVITE of ours; its response does not matter.
func (ua *UA) sendCancel(invite *sipmsg.Request, why sipmsg.Header) {
	req := sipmsg.NewRequest(sipmsg.CANCEL, invite.Recipient)
	req.AppendHeader(invite.Via().Clone())
	for _, name := range []string{"Route", "From", "To", "Call-ID"} {
		sipmsg.CopyHeaders(name, invite, req)
	}
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.CANCEL})
	if why != nil {
		req.AppendHeader(why)
	}
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	ua.finishRequest(req)
	tx, err := ua.begin(req, nil)
	if err != nil {
		ua.log.Warn("sip: a CANCEL could not be sent", "error", err)
		return
	}
	ua.listen(tx, func(*sipmsg.Response, error) {})
}

// bye sends BYE and lets go of the media. The leg ends with the answer, or when
// none comes for a while.
func (l *Leg) bye() {
	l.unasked()
	l.endedBy(calls.ByZvonar)
	l.hangupMedia()
	l.after(timerPending, byePatience, func() { l.handle(&input{ev: evByeDone}) })
	why := l.uac.reason
	if why == nil && l.ending.By == calls.ByZvonar {
		why = reason(16, "") // normal clearing
	}
	l.ua.ask(&l.d, sipmsg.BYE, l.credentials(), func(req *sipmsg.Request) {
		if why != nil {
			req.AppendHeader(why)
		}
	}, func(*sipmsg.Response, error) { l.post(&input{ev: evByeDone}) })
}
