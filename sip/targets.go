package sip

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

// targets lists where requests for t may go, what may be tried first before what
// failed lately (RFC 3263 4.3). All of them may send to us from then on.
func (ua *UA) targets(ctx context.Context, t *trunk.Trunk) ([]resolve.Target, error) {
	if t.Registered() != "" {
		found, err := ua.registeredTargets(t, "")
		t.SetTargets(ua.clock.Now(), found, err)
		return found, err
	}
	found, err := ua.names.Targets(ctx, t.Query())
	if err == nil {
		if found = slices.DeleteFunc(found, func(f resolve.Target) bool { return !ua.reaches(f) }); len(found) == 0 {
			err = calls.Errorf(calls.CodeInvalidField, "no listener of ours fits its addresses; add one of that family and transport to sip.listen")
		}
	}
	now := ua.clock.Now()
	t.SetTargets(now, found, err)
	if err != nil {
		return nil, &calls.Error{Code: calls.CodeInternal, Err: err,
			Detail: "the host of trunk " + t.Name + " could not be resolved; check its uri and the name servers"}
	}
	addrs := make([]netip.Addr, 0, len(found))
	for _, f := range found {
		addrs = append(addrs, f.Addr.Addr())
	}
	t.Learn(addrs)
	return t.Order(now, found), nil
}

// places are where the INVITE of a leg may go, the best first.
func (l *Leg) places(ctx context.Context) ([]resolve.Target, error) {
	list, err := l.ua.targets(ctx, l.trunk)
	if l.trunk.Registered() == "" {
		return list, err
	}
	if list, err = l.ua.registeredTargets(l.trunk, l.uac.req.To); err == nil && len(list) == 0 {
		err = calls.Errorf(calls.CodeWrongState, "nobody is registered as %s", printable(l.uac.req.To))
	}
	return l.trunk.Order(l.ua.clock.Now(), list), err
}

// reaches reports whether we can send there: sipgo sends UDP from our listeners
// only, and everything else needs an address to tell.
func (ua *UA) reaches(t resolve.Target) bool {
	for _, l := range ua.listeners {
		if sameFamily(l.addr, t.Addr.String()) && (t.Transport != "udp" || l.network == "udp") {
			return true
		}
	}
	return false
}

// chosen finds the target of a request: the first that may be tried, or the one
// that was asked for. further are those after it.
func chosen(list []resolve.Target, via netip.AddrPort) (target resolve.Target, further []resolve.Target) {
	if !via.IsValid() {
		return list[0], list[1:]
	}
	for i, t := range list {
		if t.Addr == via {
			return t, slices.Concat(list[i+1:], list[:i])
		}
	}
	return resolve.Target{Addr: via, Transport: list[0].Transport}, nil
}

// firstWord is how long a target may be silent to an INVITE where there is another
// one that may be tried.
const firstWord = 4 * time.Second

// awaitFirstWord gives up on a target that says nothing at all, not even 100, for
// 4 s, where there is another one. The INVITE is kept: a provisional response that
// comes after all gets CANCEL, a 2xx ACK and BYE.
func (l *Leg) awaitFirstWord() {
	now := l.ua.clock.Now()
	if !slices.ContainsFunc(l.uac.further, func(t resolve.Target) bool { return l.trunk.Usable(now, t) }) {
		return
	}
	l.after(timerFirstWord, firstWord, func() {
		if l.state == stCalling && !l.ending.Trying {
			l.ua.strays.abandon(l.ua.clock, l.uac.invite)
			l.handle(&input{ev: evTimeout})
		}
	})
}

// movesOn reports whether a leg that ended like this says that the target is at
// fault, not the callee, so that another one may do better.
func movesOn(end calls.Ending) bool {
	if !calls.MayRetry(end) {
		return false
	}
	switch end.Code {
	case 0, 500, 502, 503, 504:
		return true
	}
	return false
}

// judged notes what the end of an outbound leg says of its target, and gives the
// ones that the call may go to instead.
func (l *Leg) judged() {
	if !l.outbound || !l.uac.target.Addr.IsValid() {
		return
	}
	now := l.ua.clock.Now()
	switch end := l.ending; {
	case end.Timeout && end.Code == 0 && !end.Trying && !end.Canceled && !end.Progress:
		l.trunk.Silent(now, l.uac.target, "did not answer an INVITE")
	case end.Transport:
		l.trunk.Silent(now, l.uac.target, "an INVITE could not be sent to it")
	case end.Code == 503:
		l.trunk.Busy(now, l.uac.target, l.uac.retryAfter)
	case end.Code > 0:
		l.trunk.Answered(now, l.uac.target)
	}
	l.ua.changed(l.trunk)
	if movesOn(l.ending) && l.redirects == nil {
		for _, t := range l.uac.further {
			if l.trunk.Usable(now, t) {
				l.redirects = append(l.redirects, calls.Redirect{To: l.uac.req.To, Via: t.Addr, Failover: true})
			}
		}
	}
}
