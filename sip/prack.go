package sip

import (
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/trunk"
)

// Provisional responses that are acknowledged (RFC 3262). Whoever sends one repeats
// it until its PRACK comes; one waits at a time.

// acknowledges answers a provisional response that wants it, and reports whether
// the response counts: it is no repetition, and none before it is missing. One is
// acknowledged in the early dialog that it belongs to.
func (l *Leg) acknowledges(res *sipmsg.Response, e *earlyDialog) bool {
	if l.trunk.PRACK == trunk.PRACKOff || res.StatusCode == 100 || !requires(res, tag100rel) {
		return true
	}
	seq, err := strconv.ParseUint(strings.TrimSpace(header(res, "rseq")), 10, 32)
	if err != nil || seq == 0 || e == nil {
		return err != nil || seq == 0 // cannot be named, or kept
	}
	if e.rseq != 0 && uint32(seq) != e.rseq+1 {
		return false
	}
	e.rseq = uint32(seq)
	early := l.d
	early.confirm(res)
	l.hear(early.hopAddr())
	rack := header(res, "rseq") + " " + strconv.FormatUint(uint64(res.CSeq().SeqNo), 10) + " INVITE"
	l.ua.ask(&early, sipmsg.PRACK, l.credentials(), func(req *sipmsg.Request) {
		req.AppendHeader(sipmsg.NewHeader("RAck", rack))
	}, func(res *sipmsg.Response, err error) {
		if err != nil || !res.IsSuccess() {
			l.ua.log.Info("sip: a PRACK was not taken", "leg", l.id, "trunk", l.trunk.Name, "error", err)
		}
	})
	l.d.localSeq = early.localSeq
	return true
}

// firstRSeq bounds the number of our first reliable response (RFC 3262 3).
const firstRSeq = 1 << 30

// maxProvisionals bounds those that wait for the PRACK of one before them.
const maxProvisionals = 8

// reliable is what a leg that we answer keeps of its reliable provisional responses.
type reliable struct {
	seq       uint32
	res       *sipmsg.Response // waits for its PRACK; nil: none
	described bool             // it has SDP: no 2xx may overtake it
	agreed    bool             // its SDP was the last word: the 2xx brings none
	waits     int              // how often it was repeated
	queue     []provisional
	answer    bool // our side has answered; the 2xx waits
}

type provisional struct {
	code int
	body []byte
}

// provision sends a provisional response: reliably where the caller insists, or
// where he can and it describes the session.
func (l *Leg) provision(code int, body []byte) {
	r := &l.uas.reliable
	switch {
	case !l.reliably(body):
		l.respondInvite(code, body)
	case r.res == nil:
		l.provisionReliably(provisional{code, body})
	case len(r.queue) < maxProvisionals:
		r.queue = append(r.queue, provisional{code, body})
	}
}

// reliably reports whether a response to the INVITE is to be acknowledged.
func (l *Leg) reliably(body []byte) bool {
	if l.trunk.PRACK == trunk.PRACKOff {
		return false
	}
	return requires(l.uas.invite, tag100rel) ||
		supports(l.uas.invite, tag100rel) && (len(body) > 0 || l.trunk.PRACK == trunk.PRACKRequired)
}

func (l *Leg) provisionReliably(p provisional) {
	r := &l.uas.reliable
	if r.agreed {
		p.body = nil
	}
	if r.seq++; r.seq == 1 {
		r.seq = 1 + uint32(l.ua.random()*firstRSeq)
	}
	r.waits, r.described = 0, len(p.body) > 0
	r.res = l.respondInvite(p.code, p.body, sipmsg.NewHeader("Require", tag100rel), sipmsg.NewHeader("RSeq", strconv.FormatUint(uint64(r.seq), 10)))
	l.after(timerReliable, sipmsg.T1, l.repeatProvisional)
}

// repeatProvisional sends a reliable response again, after T1, 2 T1, 4 T1 …; after
// 64 T1 without a PRACK the call is refused (RFC 3262 3).
func (l *Leg) repeatProvisional() {
	r := &l.uas.reliable
	if r.res == nil || l.state != stIncoming {
		return
	}
	if r.waits++; r.waits > 6 {
		l.ending.Timeout = true
		l.handle(&input{ev: evReject, code: sipmsg.StatusGatewayTimeout})
		return
	}
	_ = l.ua.respond(l.uas.tx, r.res) // a peer that is gone sends no PRACK either
	l.after(timerReliable, afterT1s(1<<r.waits), l.repeatProvisional)
}

// pracked takes a PRACK, and the answer or the offer in it.
func (l *Leg) pracked(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	r := &l.uas.reliable
	if seq, ok := rack(header(req, "rack")); !ok || r.res == nil || seq.rseq != r.seq || seq.cseq != l.uas.invite.CSeq().SeqNo {
		l.ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	}
	r.res = nil
	l.stopTimer(timerReliable)
	code, body := l.prackBody(req.Body())
	if err := l.ua.respond(tx, l.response(req, code, body)); err != nil {
		l.ua.log.Debug("sip: a PRACK could not be answered", "leg", l.id, "error", err)
	}
	switch {
	case l.state != stIncoming:
	case len(r.queue) > 0:
		next := r.queue[0]
		r.queue = r.queue[1:]
		l.provisionReliably(next)
	case r.answer:
		r.answer = false
		l.handle(&input{ev: evAnswer})
	}
}

// prackBody takes what a PRACK describes: the answer to our offer, or a further
// offer, which our answer follows.
func (l *Leg) prackBody(body []byte) (code int, answer []byte) {
	r := &l.uas.reliable
	switch {
	case l.uas.late && r.described && len(body) > 0:
		if err := l.acceptLate(body); err != nil {
			return sipmsg.StatusNotAcceptableHere, nil
		}
		l.uas.late, l.uas.playing, r.agreed = false, true, true
	case l.uas.late:
	case len(body) > 0:
		r.agreed = r.agreed || r.described
		if !r.agreed { // their first offer is not answered yet
			return sipmsg.StatusRequestPending, nil
		}
		if code := l.agreeTo(body); code != 0 {
			return code, nil
		}
		l.uas.playing = true
		l.setMedia(l.agreed, true)
		return sipmsg.StatusOK, l.uas.body
	case r.described:
		r.agreed = true
	}
	return sipmsg.StatusOK, nil
}

// answerOrWait answers, once no description of ours is under way.
func (l *Leg) answerOrWait() {
	if r := &l.uas.reliable; l.state == stIncoming && (r.res != nil && r.described || len(r.queue) > 0) {
		r.answer = true
		return
	}
	l.handle(&input{ev: evAnswer})
}

// racked is what an RAck names.
type racked struct{ rseq, cseq uint32 }

// rack reads "776656 1 INVITE".
func rack(value string) (racked, bool) {
	f := strings.Fields(value)
	if len(f) != 3 || f[2] != string(sipmsg.INVITE) {
		return racked{}, false
	}
	rseq, err1 := strconv.ParseUint(f[0], 10, 32)
	cseq, err2 := strconv.ParseUint(f[1], 10, 32)
	return racked{uint32(rseq), uint32(cseq)}, err1 == nil && err2 == nil && rseq > 0
}
