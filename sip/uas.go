package sip

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/sdp"
)

// uas is what an inbound leg keeps besides its dialog.
type uas struct {
	invite   *sipmsg.Request
	tx       *sipmsg.ServerTx
	branch   string
	seenKey  string
	body     []byte // our answer, or our offer where the INVITE had none
	late     bool   // the INVITE had no offer
	playing  bool   // media was started by Progress
	reliable reliable
	onAck    []func() // what has to wait until the dialog is confirmed
}

// answer is a 2xx of ours, to the first INVITE or a later one, until its ACK.
type answer struct {
	tx       *sipmsg.ServerTx
	res      *sipmsg.Response
	seq      uint32
	late     bool // the ACK brings the answer
	interval time.Duration
}

// source is where a request came from.
func source(req *sipmsg.Request) netip.AddrPort {
	ap, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// receive makes the dialog of an INVITE. It runs before the leg is known to
// anybody.
func (l *Leg) receive(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	l.uas.invite, l.uas.tx = req, tx
	l.keep(req)
	l.uas.branch, _ = req.Via().Params.Get("branch")
	from, to := source(req), req.To()
	l.peer = from.Addr()
	transport := strings.ToUpper(req.Transport())
	l.d = dialog{
		trunk: l.trunk.Name, callID: req.CallID().Value(), transport: transport, nextHop: from.String(),
		remoteSeq: req.CSeq().SeqNo,
		local:     party{uri: to.Address, tag: sipmsg.GenerateTagN(20)},
		remote:    party{uri: req.From().Address, tag: tagOf(req.From())},
		routes:    routeSet(req.GetHeaders("Record-Route")),
		symmetric: l.trunk.Registered() != "",
	}
	l.d.target = sipmsg.Uri{Scheme: "sip", Host: hostOf(from.Addr()), Port: int(from.Port())}
	l.d.refresh(req.Contact())
	host, port := l.ua.contactOf(l.trunk, transport, from.String())
	contact := sipmsg.Uri{Scheme: "sip", Host: host, Port: port}
	contact.UriParams = transportParam(transport)
	l.d.contact = "<" + contact.String() + ">"
	l.key = l.d.key()
}

// offered agrees on audio and lets our side decide.
func (l *Leg) offered(in *input) {
	l.hearPeers()
	l.media = l.describes()
	if code, hs := l.refuseExtensions(in.req); code != 0 {
		l.handle(&input{ev: evReject, code: code, headers: hs})
		return
	}
	if body := in.req.Body(); len(body) == 0 {
		l.uas.late, l.uas.body = true, l.media.Offer()
	} else if code := l.agreeTo(body); code != 0 {
		l.ending.Media = true
		l.handle(&input{ev: evReject, code: code})
		return
	}
	l.after(timerRing, maxRing, func() {
		l.handle(&input{ev: evRingTimeout, code: sipmsg.StatusTemporarilyUnavailable})
	})
	switch waits, code := l.replacing(in.req); {
	case code != 0:
		l.handle(&input{ev: evReject, code: code})
	case !waits:
		l.decide("")
	}
}

// decide lets our side decide on an inbound call; replaces is the leg whose place it
// is to take.
func (l *Leg) decide(replaces string) {
	l.ua.mu.Lock()
	decide := l.ua.onInvite
	l.ua.mu.Unlock()
	if decide == nil {
		l.handle(&input{ev: evReject, code: sipmsg.StatusNotFound})
		return
	}
	inv := l.describe(l.uas.invite)
	inv.Replaces = replaces
	decide(l, inv)
}

// agreeTo reads an offer and keeps our answer; the code to refuse with, or 0.
func (l *Leg) agreeTo(body []byte) int {
	s, err := sdp.Parse(body)
	if err != nil {
		return sipmsg.StatusBadRequest
	}
	ours, agreed, err := l.media.Answer(s)
	if err != nil {
		return sipmsg.StatusNotAcceptableHere
	}
	l.uas.body, l.agreed = ours, agreed
	return 0
}

// describe tells our side who calls.
func (l *Leg) describe(req *sipmsg.Request) calls.Invite {
	from := req.From()
	return calls.Invite{
		Trunk: l.trunk.Name, From: l.caller(req), FromName: bounded(from.DisplayName),
		To: bounded(l.called(req)), SIPCallID: bounded(l.d.callID), Source: req.Source(),
		Hops: hops(req),
	}
}

// hops is how many of MaxForwards a request has used up. One that claims more
// than we give is worth no more to us, so that a loop through us always ends.
func hops(req *sipmsg.Request) int {
	h := req.MaxForwards()
	if h == nil || h.Val() > calls.MaxForwards {
		return 0
	}
	return calls.MaxForwards - int(h.Val())
}

// number is the digits of a user part that is a number, else "".
func number(user string) string {
	user, _, _ = strings.Cut(user, ";")
	n := strings.TrimPrefix(user, "+")
	if n == "" || len(n) > 32 || strings.Trim(n, "0123456789") != "" {
		return ""
	}
	return n
}

// respondInvite sends a response to the INVITE, with the dialog's tag.
func (l *Leg) respondInvite(code int, body []byte, headers ...sipmsg.Header) *sipmsg.Response {
	res := l.response(l.uas.invite, code, body, headers...)
	if err := l.ua.respond(l.uas.tx, res); err != nil && !errors.Is(err, sipmsg.ErrTransactionCanceled) {
		l.post(&input{ev: evTransport, err: err})
	}
	return res
}

// response makes a response with our tag, and with Contact where one is due.
func (l *Leg) response(req *sipmsg.Request, code int, body []byte, headers ...sipmsg.Header) *sipmsg.Response {
	res := sipmsg.NewResponseFromRequest(req, code, phrase(code), body)
	if to := res.To(); to != nil && code > 100 {
		to.Params = l.d.local.params()
	}
	if code > 100 && code < 300 && (req.Method == sipmsg.INVITE || req.Method == sipmsg.UPDATE) {
		res.AppendHeader(sipmsg.NewHeader("Contact", l.d.contact))
		res.AppendHeader(sipmsg.NewHeader("Allow", allowed))
		if tags := speaks(l.trunk); len(tags) > 0 && code >= 200 {
			res.AppendHeader(sipmsg.NewHeader("Supported", strings.Join(tags, ", ")))
		}
	}
	if len(body) > 0 {
		res.AppendHeader(sipmsg.NewHeader("Content-Type", typeSDP))
	}
	for _, h := range headers {
		res.AppendHeader(h)
	}
	return res
}

// ring sends 180.
func (l *Leg) ring() {
	l.ending.Rang = true
	l.provision(sipmsg.StatusRinging, nil)
}

// early sends 18x with our answer and starts our media. Without an offer there
// is nothing to describe yet.
func (l *Leg) early(in *input) {
	l.ending.Rang = true
	if l.uas.late {
		var offer []byte
		if l.reliably(l.uas.body) {
			offer = l.uas.body // its answer comes with the PRACK
		}
		l.provision(in.code, offer)
		return
	}
	if !l.uas.playing {
		l.uas.playing = true
		l.setMedia(l.agreed, true)
	}
	l.provision(in.code, l.uas.body)
}

// accept sends 200 and starts our media at once, unless the ACK has to tell
// where to.
func (l *Leg) accept() {
	l.stopTimer(timerRing)
	l.ua.ringing.remove(l.uas.branch)
	l.ending.Answered, l.ending.Code = true, sipmsg.StatusOK
	if !l.uas.late && !l.uas.playing {
		l.setMedia(l.agreed, true)
	}
	body := l.uas.body
	if l.uas.reliable.agreed {
		body = nil
	}
	l.stopTimer(timerReliable)
	res := l.respondInvite(sipmsg.StatusOK, body, l.timer.accept(l.uas.invite)...)
	l.live()
	l.await(l.uas.tx, res, l.uas.invite.CSeq().SeqNo, l.uas.late)
	if !l.uas.late {
		l.reportAnswer()
	}
}

func (l *Leg) reportAnswer() {
	observe(l.ua.m.answer, l.trunk.Name, l.ua.clock.Now().Sub(l.started))
	l.emit(calls.LegEvent{Kind: calls.LegAnswered, Code: sipmsg.StatusOK, Codec: string(l.agreed.Codec), Dialog: l.d.store()})
}

// await repeats a 2xx until its ACK: after T1, doubling up to T2, for 64*T1 on
// any transport (RFC 3261 13.3.1.4).
func (l *Leg) await(tx *sipmsg.ServerTx, res *sipmsg.Response, seq uint32, late bool) {
	l.answer = answer{tx: tx, res: res, seq: seq, late: late, interval: sipmsg.T1}
	l.after(timerRepeat, l.answer.interval, l.repeatAnswer)
	l.after(timerAck, afterT1s(64), func() {
		l.answer = answer{}
		l.stopTimer(timerRepeat)
		l.handle(&input{ev: evAckTimeout})
	})
}

func (l *Leg) repeatAnswer() {
	if l.answer.res == nil {
		return
	}
	// An error here is a peer that is gone: the ACK timer ends it.
	_ = l.ua.respond(l.answer.tx, l.answer.res)
	l.answer.interval = min(2*l.answer.interval, sipmsg.T2)
	l.after(timerRepeat, l.answer.interval, l.repeatAnswer)
}

// acked takes an ACK. The first one for the 2xx that waits for it counts.
func (l *Leg) acked(req *sipmsg.Request) {
	if l.answer.res == nil || req.CSeq() == nil || req.CSeq().SeqNo != l.answer.seq {
		return
	}
	late := l.answer.late
	l.settled()
	var problem error
	if late {
		problem = l.acceptLate(req.Body())
	}
	l.handle(&input{ev: evAck, req: req})
	switch {
	case problem == nil || l.state != stUp:
	case l.agreed.Codec == "":
		l.ending.Media = true
		l.handle(&input{ev: evHangup, q850: 58})
	default:
		l.ua.log.Info("sip: an ACK brings no answer to the offer that was asked for; the session stays as it was", "leg", l.id, "error", problem)
	}
	l.modify()
}

// overtaken takes a later request of the caller for the ACK that it overtook on
// the wire: whoever offers again has our 2xx. An ACK with an answer in it has to come.
func (l *Leg) overtaken() {
	if l.answer.res == nil || l.answer.late {
		return
	}
	l.settled()
	l.handle(&input{ev: evAck})
}

// settled forgets a 2xx that arrived. RFC 6026 keeps its transaction for 64*T1 to
// absorb copies of the INVITE; once the ACK is here only those that are still on
// the wire can come, and none stays there longer than T4.
func (l *Leg) settled() {
	tx := l.answer.tx
	l.answer = answer{}
	l.stopTimer(timerRepeat)
	l.stopTimer(timerAck)
	l.ua.clock.AfterFunc(sipmsg.T4, tx.Terminate)
}

// acceptLate reads the answer that an ACK brings and starts our media.
func (l *Leg) acceptLate(body []byte) error {
	s, err := sdp.Parse(body)
	if err != nil {
		return err
	}
	a, err := l.media.Accept(s)
	if err != nil {
		return err
	}
	l.setMedia(a, true)
	return nil
}

// acknowledged goes on after the ACK of the first 2xx, or without it.
func (l *Leg) acknowledged(a action, _ *input) {
	switch {
	case a == doConfirm:
		if l.uas.late && l.agreed.Codec != "" {
			l.reportAnswer()
		}
		waiting := l.uas.onAck
		l.uas.onAck = nil
		for _, f := range waiting {
			f()
		}
	case a == doConfirmBye, a == doNoAckBye:
		if a == doNoAckBye {
			l.endedBy(calls.ByNetwork)
			l.ending.Timeout = true
		}
		l.bye()
	}
}

// reject sends a final response and ends.
func (l *Leg) reject(in *input) {
	hs := in.headers
	if in.q850 > 0 {
		hs = append(hs, reason(in.q850, in.text))
	}
	l.endedBy(calls.ByZvonar)
	l.ending.Code, l.ending.Q850 = in.code, in.q850
	l.respondInvite(in.code, nil, hs...)
	l.finish()
}

// canceledByPeer ends a leg whose caller hung up; sipgo has sent the 487.
func (l *Leg) canceledByPeer(in *input) {
	l.endedBy(l.party())
	l.ending.Code = sipmsg.StatusRequestTerminated
	l.told(in.req.GetHeaders("Reason"))
	l.finish()
}
