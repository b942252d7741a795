package sip

import (
	"slices"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/sdp"
)

// earlyDialog is one that a provisional response began: a proxy may ring several
// telephones, each with a To tag of its own (RFC 3261 13.2.2.4).
type earlyDialog struct {
	tag       string
	agreed    *sdp.Agreed // the audio it described; nil: none yet
	rseq      uint32      // of the last provisional response that was acknowledged; 0: none
	settled   bool        // offer and answer are through, so that another offer may come
	remoteSeq uint32      // of their last request within it; 0: none
}

// maxEarly bounds the early dialogs of a call; further ones only ring.
const maxEarly = 16

// progressed takes a provisional response: ringing, perhaps with audio.
func (l *Leg) progressed(in *input) {
	code := in.res.StatusCode
	if code == 100 {
		l.ending.Trying = true
		l.emit(calls.LegEvent{Kind: calls.LegTrying, Code: code})
		return
	}
	l.ending.Progress = true
	if code == statusEarlyDialogTerminated {
		l.earlyOver(tagOf(in.res.To()))
		return
	}
	early := l.earlyBegun(tagOf(in.res.To()))
	if !l.acknowledges(in.res, early) {
		return
	}
	if l.ringAt.IsZero() {
		l.ringAt = l.ua.clock.Now()
		observe(l.ua.m.pdd, l.trunk.Name, l.ringAt.Sub(l.started))
	}
	if code >= 180 && code <= 183 {
		l.ending.Rang = true
	}
	l.emit(calls.LegEvent{Kind: calls.LegRinging, Code: code})
	if len(in.res.Body()) == 0 {
		return
	}
	s, err := sdp.Parse(in.res.Body())
	if err != nil {
		return
	}
	a, err := l.media.Accept(s)
	if err != nil {
		return
	}
	if early != nil {
		early.agreed, early.settled = &a, early.rseq != 0
	}
	l.setMedia(a, false) // of several telephones the latest is heard
	if !l.heardEarly {
		l.heardEarly = true
		l.listenEarly()
		l.emit(calls.LegEvent{Kind: calls.LegEarlyMedia, Code: code, Codec: string(a.Codec)})
	}
}

// listenEarly has the sound before the answer listened to.
func (l *Leg) listenEarly() {
	if l.ua.cfg.Ears == nil {
		return
	}
	report := func(h calls.Heard) { l.do(func() { l.heardBefore(h) }) }
	if ears := l.ua.cfg.Ears(l.uac.req, report); ears != nil {
		l.uac.deafen = l.port.Analyse(ears)
	}
}

// heardBefore reports what was heard, unless somebody has answered meanwhile.
func (l *Leg) heardBefore(h calls.Heard) {
	if l.uac.deafen != nil {
		l.emit(calls.LegEvent{Kind: calls.LegHeard, Heard: h})
	}
}

// deafen ends the listening of listenEarly, if it goes on.
func (l *Leg) deafen() {
	if l.uac.deafen != nil {
		l.uac.deafen()
		l.uac.deafen = nil
	}
}

// statusEarlyDialogTerminated says that one of the telephones that rang does no
// more, while the call goes on (RFC 6228).
const statusEarlyDialogTerminated = 199

// earlyOf finds an early dialog; nil: there is none.
func (l *Leg) earlyOf(tag string) *earlyDialog {
	for i := range l.uac.early {
		if e := &l.uac.early[i]; tag != "" && e.tag == tag {
			return e
		}
	}
	return nil
}

// settledEarly is the early dialog of a request whose far end may offer anew: our
// offer was answered in a provisional response that we acknowledged; else nil.
func (l *Leg) settledEarly(req *sipmsg.Request) *earlyDialog {
	if l.state != stProceeding {
		return nil
	}
	if e := l.earlyOf(tagOf(req.From())); e != nil && e.settled {
		return e
	}
	return nil
}

// earlyBegun finds or makes an early dialog; nil: it cannot be kept.
func (l *Leg) earlyBegun(tag string) *earlyDialog {
	if e := l.earlyOf(tag); e != nil || tag == "" || len(l.uac.early) >= maxEarly {
		return e
	}
	l.uac.early = append(l.uac.early, earlyDialog{tag: tag})
	return &l.uac.early[len(l.uac.early)-1]
}

// earlyOver forgets an early dialog; the audio of the latest other one is heard.
func (l *Leg) earlyOver(tag string) {
	l.uac.early = slices.DeleteFunc(l.uac.early, func(e earlyDialog) bool { return e.tag == tag })
	for i := len(l.uac.early) - 1; i >= 0; i-- {
		if a := l.uac.early[i].agreed; a != nil {
			l.setMedia(*a, false)
			return
		}
	}
}
