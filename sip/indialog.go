package sip

import (
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// fromPeer reports whether a request comes from where the dialog lives: the
// trunk, or the address that its messages came from before.
func (l *Leg) fromPeer(req *sipmsg.Request) bool {
	a := source(req).Addr()
	return a == l.peer || l.trunk.Accepts(a) || a == l.d.hopAddr()
}

// within takes a request inside the dialog, on the mailbox.
func (l *Leg) within(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if !l.belongs(req) {
		l.ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	}
	last := &l.d.remoteSeq
	if e := l.earlyOf(tagOf(req.From())); e != nil && l.d.remote.tag == "" {
		last = &e.remoteSeq
	}
	seq := req.CSeq().SeqNo
	if *last != 0 && seq <= *last {
		// Out of order, or an old request sent anew (RFC 3261 12.2.2).
		l.ua.reply(req, tx, sipmsg.StatusInternalServerError)
		return
	}
	*last = seq
	switch req.Method {
	case sipmsg.BYE:
		l.handle(&input{ev: evBye, req: req, tx: tx})
	case sipmsg.INVITE:
		l.reinvited(req, tx)
	case sipmsg.UPDATE:
		l.updated(req, tx)
	case sipmsg.PRACK:
		l.pracked(req, tx)
	case sipmsg.REFER:
		l.askedTo(req, tx)
	case sipmsg.NOTIFY:
		l.notified(req, tx)
	case sipmsg.INFO:
		l.informed(req, tx)
	case sipmsg.OPTIONS:
		l.ua.reply(req, tx, sipmsg.StatusOK, sipmsg.NewHeader("Allow", allowed), sipmsg.NewHeader("Accept", typeSDP))
	default:
		l.ua.refuseMethod(req, tx)
	}
}

// belongs checks source and tags. Before the answer to our INVITE each telephone
// that rings has a tag of its own.
func (l *Leg) belongs(req *sipmsg.Request) bool {
	tag := tagOf(req.From())
	if l.state == stEnded || !l.fromPeer(req) || tag == "" {
		return false
	}
	if l.d.remote.tag == "" {
		return l.earlyOf(tag) != nil
	}
	return tag == l.d.remote.tag
}

// peerBye answers a BYE and ends the leg, as the state wants it.
func (l *Leg) peerBye(a action, in *input) {
	if a == doUnknownBye {
		l.ua.reply(in.req, in.tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	}
	l.ua.reply(in.req, in.tx, sipmsg.StatusOK)
	if a != doPeerByeLate {
		l.endedBy(l.party())
		l.told(in.req.GetHeaders("Reason"))
	}
	if a == doPeerByeRing {
		l.ending.Code = sipmsg.StatusRequestTerminated
		l.respondInvite(sipmsg.StatusRequestTerminated, nil)
	}
	l.finish()
}

// mayOffer decides on an offer within the dialog; the code to refuse it with, or
// 0. While one offer waits for its answer another one has to wait: ours (491, RFC
// 3261 14.2), or theirs, which has no final response yet (500, RFC 3311 5.2).
func (l *Leg) mayOffer() int {
	switch {
	case l.state == stIncoming:
		return sipmsg.StatusInternalServerError
	case l.state == stLeaving || l.state == stByeOnAck:
		return sipmsg.StatusCallTransactionDoesNotExists
	case l.state != stUp || l.answer.res != nil || l.mod.offers():
		return sipmsg.StatusRequestPending
	}
	return 0
}

// refuseOffer answers a request whose offer came at the wrong time.
func (l *Leg) refuseOffer(req *sipmsg.Request, tx *sipmsg.ServerTx, code int) {
	if code != sipmsg.StatusInternalServerError {
		l.ua.reply(req, tx, code)
		return
	}
	wait := strconv.Itoa(int(l.ua.random() * overlapSeconds))
	l.ua.reply(req, tx, code, sipmsg.NewHeader("Retry-After", wait))
}

// overlapSeconds bounds the Retry-After of an offer that overlaps another.
const overlapSeconds = 10

// reinvited takes an offer, or asks for one, within an established dialog.
func (l *Leg) reinvited(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	l.overtaken()
	if code := l.mayOffer(); code != 0 {
		l.refuseOffer(req, tx, code)
		return
	}
	if code, hs := l.refuseExtensions(req); code != 0 {
		l.ua.reply(req, tx, code, hs...)
		return
	}
	body, code, late := []byte(nil), 0, len(req.Body()) == 0
	if late {
		body = l.media.Offer()
	} else if code = l.agreeTo(req.Body()); code == 0 {
		body = l.uas.body
	}
	if code != 0 {
		l.ua.reply(req, tx, code) // the session stays as it was (RFC 3261 14.2)
		return
	}
	l.d.refresh(req.Contact())
	l.hearPeers()
	if !late {
		l.setMedia(l.agreed, true)
	}
	res := l.response(req, sipmsg.StatusOK, body, l.timer.accept(req)...)
	l.live()
	if err := l.ua.respond(tx, res); err != nil {
		return // they will ask again
	}
	l.await(tx, res, req.CSeq().SeqNo, late)
}

// updated takes an UPDATE (RFC 3311): with an offer like a re-INVITE, without
// one a refresh of the session or the target, before the answer too.
func (l *Leg) updated(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if code, hs := l.refuseExtensions(req); code != 0 {
		l.ua.reply(req, tx, code, hs...)
		return
	}
	var body []byte
	if len(req.Body()) > 0 {
		l.overtaken()
		early := l.settledEarly(req)
		if code := l.mayOffer(); code != 0 && early == nil {
			l.refuseOffer(req, tx, code)
			return
		}
		if code := l.agreeTo(req.Body()); code != 0 {
			l.ua.reply(req, tx, code)
			return
		}
		body = l.uas.body
		if early != nil {
			a := l.agreed
			early.agreed = &a
		}
		l.setMedia(l.agreed, early == nil)
	}
	if l.d.remote.tag != "" {
		l.d.refresh(req.Contact())
		l.hearPeers()
	}
	var expires []sipmsg.Header
	if l.state == stUp || l.state == stAnswering {
		expires = l.timer.accept(req)
		l.live()
	}
	if err := l.ua.respond(tx, l.response(req, sipmsg.StatusOK, body, expires...)); err != nil {
		l.ua.log.Debug("sip: an UPDATE could not be answered", "leg", l.id, "error", err)
	}
}

// informed takes an INFO: a digit, or something we do not speak.
func (l *Leg) informed(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	kind := contentType(req)
	if len(req.Body()) == 0 {
		l.ua.reply(req, tx, sipmsg.StatusOK) // a keep-alive
		return
	}
	if kind != typeRelay && kind != typeDTMF {
		l.ua.reply(req, tx, sipmsg.StatusUnsupportedMediaType, sipmsg.NewHeader("Accept", typeRelay+", "+typeDTMF))
		return
	}
	digit, held, ok := infoDigit(kind, req.Body())
	if !ok {
		l.ua.reply(req, tx, sipmsg.StatusBadRequest)
		return
	}
	l.ua.reply(req, tx, sipmsg.StatusOK)
	if l.state == stUp || l.state == stAnswering {
		l.pressed(digit, "info", l.ua.clock.Now(), held)
	}
}

// maxInfo bounds the body of an INFO with a digit.
const maxInfo = 256

// infoDigit reads "Signal=5\r\nDuration=160" (application/dtmf-relay) or "5"
// (application/dtmf). Events 10 and 11 are the names of * and # in some PBXs.
// held is the duration, which some send when the key is let go; 0: not said.
func infoDigit(kind string, body []byte) (digit byte, held time.Duration, ok bool) {
	if len(body) > maxInfo {
		return 0, 0, false
	}
	value := string(body)
	if kind == typeRelay {
		fields := relayFields(body)
		value = fields["signal"]
		if ms, err := strconv.ParseUint(fields["duration"], 10, 16); err == nil {
			held = time.Duration(ms) * time.Millisecond
		}
	}
	switch value = strings.TrimSpace(value); value {
	case "10":
		return '*', held, true
	case "11":
		return '#', held, true
	}
	if len(value) != 1 || !strings.Contains("0123456789*#", value) {
		return 0, 0, false
	}
	return value[0], held, true
}

// relayFields reads the lines "name=value" or "name: value"; of several with one
// name the first counts.
func relayFields(body []byte) map[string]string {
	fields := map[string]string{}
	for line := range strings.SplitSeq(string(body), "\n") {
		name, value, found := strings.Cut(line, "=")
		if !found {
			name, value, found = strings.Cut(line, ":")
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := fields[name]; found && !twice {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}
