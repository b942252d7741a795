package sip

import (
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// tagReplaces is RFC 3891's option tag.
const tagReplaces = "replaces"

// readReplaces reads "call-id;to-tag=…;from-tag=…[;early-only]" (RFC 3891 6.1).
func readReplaces(value string) (d calls.Dialog, ok bool) {
	parts := splitOutsideQuotes(value, ';')
	d.CallID = strings.TrimSpace(parts[0])
	for _, p := range parts[1:] {
		name, v, _ := strings.Cut(p, "=")
		switch v = strings.TrimSpace(v); strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
			d.ToTag = v
		case "from-tag":
			d.FromTag = v
		case "early-only":
			d.EarlyOnly = true
		}
	}
	return d, callID(d.CallID) == nil && tagText(d.ToTag) && tagText(d.FromTag)
}

// tagText reports whether s may stand as a tag.
func tagText(s string) bool { return callID(s) == nil && !strings.ContainsRune(s, '=') }

// writeReplaces writes what readReplaces reads.
func writeReplaces(d calls.Dialog) string {
	value := d.CallID + ";to-tag=" + d.ToTag + ";from-tag=" + d.FromTag
	if d.EarlyOnly {
		value += ";early-only"
	}
	return value
}

// replacing looks for the leg that an INVITE wants to take the place of: the code to
// refuse it with, or 0. waits: mayReplace goes on once that leg has been asked.
func (l *Leg) replacing(req *sipmsg.Request) (waits bool, code int) {
	list := req.GetHeaders("replaces")
	if len(list) == 0 || !l.trunk.AcceptTransfer {
		return false, 0
	}
	d, ok := readReplaces(list[0].Value())
	if len(list) > 1 || !ok {
		return false, sipmsg.StatusBadRequest
	}
	// In their words To is ours (RFC 3891 3).
	old := l.ua.find(d.CallID, d.ToTag)
	switch {
	case old == nil:
		if _, past := l.ua.ended.get(d.CallID + "\x00" + d.ToTag); past {
			return false, sipmsg.StatusGlobalDecline
		}
		return false, sipmsg.StatusCallTransactionDoesNotExists
	case old == l || old.trunk.Name != l.trunk.Name: // one trunk's dialogs are nothing to another
		return false, sipmsg.StatusCallTransactionDoesNotExists
	}
	old.do(func() {
		code := old.replaceable(d)
		l.do(func() { l.mayReplace(old, code) })
	})
	return true, 0
}

// replaceable says how RFC 3891 3 answers who wants to take the place of l; 0: he may.
func (l *Leg) replaceable(d calls.Dialog) int {
	early := l.d.remote.tag == ""
	switch {
	case early && l.earlyOf(d.FromTag) == nil, !early && l.d.remote.tag != d.FromTag:
		return sipmsg.StatusCallTransactionDoesNotExists
	case l.state == stUp || l.state == stAnswering:
		if d.EarlyOnly {
			return sipmsg.StatusBusyHere
		}
		return 0
	case l.state == stProceeding:
		return 0
	case l.state == stIncoming: // only who began an early dialog may have it replaced
		return sipmsg.StatusCallTransactionDoesNotExists
	}
	return sipmsg.StatusGlobalDecline
}

// mayReplace goes on with an INVITE once it is known whether it fits.
func (l *Leg) mayReplace(old *Leg, code int) {
	switch {
	case l.state != stIncoming:
	case code != 0:
		l.handle(&input{ev: evReject, code: code})
	default:
		l.decide(old.id)
	}
}
