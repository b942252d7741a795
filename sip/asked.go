package sip

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// A far end may ask us to transfer whoever talks with it (REFER, RFC 3515). Our
// side decides (LegAsked, AnswerRefer) and tells how it goes on (NotifyRefer).

// asked is a REFER of the far end that is under way. It belongs to the mailbox.
type asked struct {
	req  *sipmsg.Request // nil: our side has decided
	tx   *sipmsg.ServerTx
	open bool // its implicit subscription lives
	seq  uint32
	n    int // REFERs so far
}

// How long our side may take to decide, and what a subscription is told to live:
// longer than any ringing.
const (
	decidePatience = 5 * time.Second
	askedExpires   = maxRing + 30*time.Second
)

// askedTo takes a REFER.
func (l *Leg) askedTo(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	l.overtaken()
	if !l.trunk.AcceptTransfer {
		l.ua.refuseMethod(req, tx)
		return
	}
	targets := req.GetHeaders("refer-to")
	if len(targets) == 0 {
		targets = req.GetHeaders("r")
	}
	switch {
	case len(targets) != 1:
		l.ua.reply(req, tx, sipmsg.StatusBadRequest)
		return
	case l.state != stUp || l.asked.req != nil || l.asked.open:
		l.ua.reply(req, tx, sipmsg.StatusRequestPending)
		return
	}
	target, ok := referTo(targets[0].Value())
	switch {
	case !ok:
		l.ua.reply(req, tx, sipmsg.StatusBadRequest)
		return
	case target.to == "":
		l.ua.reply(req, tx, sipmsg.StatusNotFound)
		return
	case !l.ourHost(target.host): // nobody sends us to hosts that we do not know
		l.ua.reply(req, tx, sipmsg.StatusGlobalDecline)
		return
	}
	l.asked.n++
	l.asked.req, l.asked.tx, l.asked.seq = req, tx, req.CSeq().SeqNo
	l.after(timerAsked, decidePatience, func() { l.decided(sipmsg.StatusGlobalDecline) })
	if d := target.replaces; d.CallID != "" {
		if other := l.ua.find(d.CallID, d.ToTag); other != nil {
			l.askedToJoin(req, target, other)
			return
		}
	}
	l.emit(calls.LegEvent{Kind: calls.LegAsked, Ask: calls.TransferAsk{To: target.to, Replaces: target.replaces}})
}

// askedToJoin: the dialog whose place is to be taken is one of ours, so both calls run
// here. It must be the same trunk's, and both its tags known to whoever asks.
func (l *Leg) askedToJoin(req *sipmsg.Request, target referTarget, other *Leg) {
	if other == l || other.trunk.Name != l.trunk.Name {
		l.decided(sipmsg.StatusGlobalDecline)
		return
	}
	other.do(func() {
		up := other.state == stUp && other.replaceable(target.replaces) == 0
		l.do(func() {
			switch {
			case l.asked.req != req: // decided meanwhile
			case !up:
				l.decided(sipmsg.StatusGlobalDecline)
			default:
				l.emit(calls.LegEvent{Kind: calls.LegAsked, Ask: calls.TransferAsk{To: target.to, Replaces: target.replaces, Leg: other.id}})
			}
		})
	})
}

// AnswerRefer decides on the REFER of a LegAsked: a 2xx takes it, and NotifyRefer is
// to follow; anything else refuses it.
func (l *Leg) AnswerRefer(code int) { l.do(func() { l.decided(code) }) }

func (l *Leg) decided(code int) {
	req, tx := l.asked.req, l.asked.tx
	if req == nil {
		return
	}
	l.asked.req, l.asked.tx = nil, nil
	l.stopTimer(timerAsked)
	if code < 200 || code > 299 {
		l.ua.reply(req, tx, code)
		return
	}
	l.asked.open = true
	l.ua.reply(req, tx, sipmsg.StatusAccepted, sipmsg.NewHeader("Contact", l.d.contact))
	l.notify(sipmsg.StatusTrying)
}

// NotifyRefer tells the far end how the transfer that it asked for goes on: a code
// of SIP, of which one from 200 on is the last. The far end may have hung up.
func (l *Leg) NotifyRefer(code int) { l.do(func() { l.notify(code) }) }

func (l *Leg) notify(code int) {
	if !l.asked.open {
		return
	}
	state := "active;expires=" + seconds(askedExpires)
	if code >= 200 {
		l.asked.open = false
		state = "terminated;reason=noresource"
	}
	event := "refer"
	if l.asked.n > 1 { // RFC 3515 2.4.6
		event += ";id=" + strconv.FormatUint(uint64(l.asked.seq), 10)
	}
	l.ua.ask(&l.d, sipmsg.NOTIFY, l.credentials(), func(req *sipmsg.Request) {
		req.AppendHeader(sipmsg.NewHeader("Contact", l.d.contact))
		req.AppendHeader(sipmsg.NewHeader("Event", event))
		req.AppendHeader(sipmsg.NewHeader("Subscription-State", state))
		req.AppendHeader(sipmsg.NewHeader("Content-Type", typeFrag+";version=2.0"))
		req.SetBody([]byte("SIP/2.0 " + strconv.Itoa(code) + " " + phrase(code) + "\r\n"))
	}, func(res *sipmsg.Response, err error) {
		if err != nil || !res.IsSuccess() {
			l.do(func() { l.asked.open = false }) // it does not want to know (RFC 6665 4.2.2)
		}
	})
}

// unasked ends what was asked, since the leg ends.
func (l *Leg) unasked() {
	l.decided(sipmsg.StatusGlobalDecline)
	l.notify(sipmsg.StatusServiceUnavailable)
}

// ourHost reports whether a URI of this host is for us to place: our own name in
// the dialog, our addresses, the trunk's.
func (l *Leg) ourHost(host string) bool {
	own, _ := l.ua.sentBy(l.d.transport, l.d.hop())
	for _, known := range []string{own, l.d.local.uri.Host, l.trunk.Target().HostForURI()} {
		if known != "" && strings.EqualFold(strings.Trim(known, "[]"), host) {
			return true
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, at := range l.ua.listeners {
		if at.addr.Addr() == addr.Unmap() {
			return true
		}
	}
	return l.trunk.Accepts(addr)
}

// referTarget is what a Refer-To names.
type referTarget struct {
	to, host string // to: digits; "": no number
	replaces calls.Dialog
}

// referTo reads `"name" <sip:201@host?Replaces=…>`; ok is false where it is no
// address, or asks for anything but an INVITE.
func referTo(value string) (referTarget, bool) {
	uri, query, _ := strings.Cut(value, "?")
	if i := strings.IndexByte(query, '>'); i >= 0 {
		uri += query[i:]
		query = query[:i]
	}
	u, _, ok := contact(uri)
	if !ok || len(value) > maxHeader*2 {
		return referTarget{}, false
	}
	t := referTarget{to: number(u.user), host: u.host}
	if u.scheme == "tel" {
		t.to = number(strings.Map(visual, u.user))
	}
	if m := strings.ToLower(uri); strings.Contains(m, ";method=") && !strings.Contains(m, ";method=invite") {
		return referTarget{}, false
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(name, "replaces") {
			continue
		}
		text, err := url.PathUnescape(v)
		if err != nil {
			return referTarget{}, false
		}
		if t.replaces, ok = readReplaces(text); !ok {
			return referTarget{}, false
		}
	}
	return t, true
}
