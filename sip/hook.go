package sip

import (
	"sync/atomic"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/trunk"
)

// hook is what sipgo's transactions know of a leg. They live for half a minute
// after it (RFC 3261 timers), and must not keep everything that hangs on a leg
// for so long: its media, its call, its flow.
type hook struct {
	ua  *UA
	leg atomic.Pointer[Leg] // nil once it has ended
	end atomic.Pointer[afterlife]
}

// afterlife is what repetitions of a 2xx still need of a leg that we dialled.
type afterlife struct {
	ack   *sipmsg.Request
	tag   string // of the far end; "": it was never answered
	trunk *trunk.Trunk
}

// release lets go of the leg.
func (h *hook) release(l *Leg) {
	h.end.Store(&afterlife{ack: l.uac.ack, tag: l.d.remote.tag, trunk: l.trunk})
	h.leg.Store(nil)
}

// repeated takes a further 2xx to our INVITE.
func (h *hook) repeated(res *sipmsg.Response) {
	if l := h.leg.Load(); l != nil {
		h.ua.m.response(res, in)
		if h.ua.find(res.CallID().Value(), tagOf(res.From())) != l { // else it is there already; see arrive
			l.do(func() { l.repeated(res) })
		}
		return
	}
	end := h.end.Load()
	switch {
	case end == nil:
	case end.tag == "" || tagOf(res.To()) != end.tag:
		h.ua.m.response(res, in)
		h.ua.dismiss(res, end.trunk)
	case end.ack != nil:
		h.ua.m.response(res, in)
		if err := h.ua.write(end.ack); err != nil {
			h.ua.log.Warn("sip: an ACK could not be sent", "error", err)
		}
	}
}
