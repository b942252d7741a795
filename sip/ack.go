package sip

import (
	sipmsg "github.com/emiago/sipgo/sip"
)

// acknowledge confirms the dialog with the 2xx and sends its ACK.
func (l *Leg) acknowledge(res *sipmsg.Response) {
	l.d.confirm(res)
	l.hearPeers()
	l.uac.ack = l.d.request(sipmsg.ACK, l.uac.invite.CSeq().SeqNo)
	if err := l.ua.stamp(l.uac.ack); err != nil {
		l.ua.log.Warn("sip: the ACK has no way to go", "leg", l.id, "error", err)
		return
	}
	l.reAck(res)
}

// reAck sends the ACK; each repetition of a 2xx gets its own again (RFC 3261
// 13.2.2.4): to the first INVITE or to the last one within the dialog.
func (l *Leg) reAck(res *sipmsg.Response) {
	for _, ack := range []*sipmsg.Request{l.uac.ack, l.mod.ack} {
		if ack == nil || res.CSeq() == nil || ack.CSeq().SeqNo != res.CSeq().SeqNo {
			continue
		}
		if err := l.ua.write(ack); err != nil {
			l.ua.log.Warn("sip: an ACK could not be sent", "leg", l.id, "error", err)
		}
	}
}

// repeated takes a further 2xx: ours again, or one of another branch of a fork,
// which is answered and hung up.
func (l *Leg) repeated(res *sipmsg.Response) {
	if tagOf(res.To()) == l.d.remote.tag {
		l.handle(&input{ev: evRepeat, res: res})
		return
	}
	l.ua.dismiss(res, l.trunk)
}

// lateAnswer takes a 2xx that crossed our CANCEL: nobody is on our side any more.
func (l *Leg) lateAnswer(in *input) {
	l.ending.Code = in.res.StatusCode
	l.ending.Canceled = true
	l.acknowledge(in.res)
	l.bye()
}

// refuseMedia takes a 2xx whose audio we cannot use.
func (l *Leg) refuseMedia(in *input) {
	l.stopTimer(timerRing)
	l.ending.Code, l.ending.Media = in.res.StatusCode, true
	l.uac.reason = reason(58, "no common codec")
	l.acknowledge(in.res)
	l.bye()
}
