package sip

import (
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// typeFrag is the body of a NOTIFY that tells how a REFER goes on (RFC 3420).
const typeFrag = "message/sipfrag"

// statusBadEvent is RFC 6665 7.2.
const statusBadEvent = 489

// How long we wait for news of a REFER of ours: for the first one, which has to
// come at once (RFC 3515 2.4.4), and from one to the next, longer than any ringing.
const (
	firstNewsPatience = 20 * time.Second
	newsPatience      = maxRing + 30*time.Second
)

// referral is a REFER of ours that is under way. It belongs to the mailbox.
type referral struct {
	open bool
	seq  uint32 // of the REFER, by which a NOTIFY may name it; with credentials the next ones
}

// Refer asks the far end to call number at the trunk itself, in our place (RFC
// 3515). LegReferred tells how that goes on; the leg stays until somebody hangs up.
// One REFER may be under way at a time; a further one is refused with 491.
func (l *Leg) Refer(number string) {
	l.do(func() {
		user, err := userPart("the number to call", number)
		switch {
		case err != nil:
			l.news(calls.ReferRefused, sipmsg.StatusBadRequest)
		case l.refer.open:
			l.news(calls.ReferRefused, sipmsg.StatusRequestPending)
		case l.state == stUp:
			l.sendRefer(user)
		case l.state == stAnswering && len(l.uas.onAck) < maxHeld:
			l.refer.open = true
			l.uas.onAck = append(l.uas.onAck, func() { l.sendRefer(user) })
		default:
			l.news(calls.ReferRefused, 0)
		}
	})
}

func (l *Leg) sendRefer(user string) {
	host := l.trunk.Target()
	to := sipmsg.Uri{Scheme: "sip", User: user, Host: host.HostForURI(), Port: int(host.Port), UriParams: transportParam(l.d.transport)}
	l.refer = referral{open: true, seq: l.d.localSeq + 1}
	l.ua.ask(&l.d, sipmsg.REFER, l.credentials(), func(req *sipmsg.Request) {
		req.AppendHeader(sipmsg.NewHeader("Contact", l.d.contact))
		req.AppendHeader(sipmsg.NewHeader("Refer-To", "<"+to.String()+">"))
		req.AppendHeader(sipmsg.NewHeader("Referred-By", "<"+l.d.local.uri.String()+">")) // RFC 3892
	}, func(res *sipmsg.Response, err error) {
		l.do(func() {
			switch {
			case !l.refer.open: // a NOTIFY has said it all, or the leg is over
			case err != nil:
				l.referred(calls.ReferRefused, 0)
			case !res.IsSuccess():
				l.referred(calls.ReferRefused, res.StatusCode)
			default:
				l.awaitNews(firstNewsPatience)
				l.news(calls.ReferAccepted, res.StatusCode)
			}
		})
	})
}

// awaitNews gives the far end d to tell more.
func (l *Leg) awaitNews(d time.Duration) {
	l.after(timerRefer, d, func() { l.referred(calls.ReferUnknown, 0) })
}

// referred ends a REFER.
func (l *Leg) referred(how calls.Referral, code int) {
	l.refer.open = false
	l.stopTimer(timerRefer)
	l.news(how, code)
}

func (l *Leg) news(how calls.Referral, code int) {
	l.emit(calls.LegEvent{Kind: calls.LegReferred, Refer: how, Code: code})
}

// notified takes a NOTIFY: of our REFER, or of nothing that we asked for.
func (l *Leg) notified(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	event := splitOutsideQuotes(header(req, "event", "o"), ';')
	switch {
	case !strings.EqualFold(strings.TrimSpace(event[0]), "refer"):
		l.ua.reply(req, tx, statusBadEvent)
		return
	case !l.refer.open || !l.refer.names(event[1:]):
		l.ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	case contentType(req) != typeFrag:
		l.ua.reply(req, tx, sipmsg.StatusUnsupportedMediaType, sipmsg.NewHeader("Accept", typeFrag))
		return
	}
	code, ok := fragCode(req.Body())
	if !ok {
		l.ua.reply(req, tx, sipmsg.StatusBadRequest)
		return
	}
	l.ua.reply(req, tx, sipmsg.StatusOK)
	state, _, _ := strings.Cut(header(req, "subscription-state"), ";")
	switch {
	case code >= 200:
		l.referred(calls.ReferEnded, code)
	case strings.EqualFold(strings.TrimSpace(state), "terminated"):
		l.referred(calls.ReferUnknown, 0)
	default:
		l.awaitNews(newsPatience)
		l.news(calls.ReferProgress, code)
	}
}

// names reports whether the parameters of an Event header mean this REFER: its
// id is the CSeq of one that was sent (RFC 3515 2.4.6); most leave it out.
func (r *referral) names(params []string) bool {
	for _, p := range params {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(name), "id") {
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			return err == nil && uint32(id) >= r.seq && uint32(id) <= r.seq+maxAuth
		}
	}
	return true
}

// fragCode reads the status line of a sipfrag.
func fragCode(body []byte) (int, bool) {
	line, _, _ := strings.Cut(string(body), "\n")
	version, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	digits, _, _ := strings.Cut(rest, " ")
	code, err := strconv.Atoi(digits)
	return code, err == nil && strings.EqualFold(version, "SIP/2.0") && code >= 100 && code <= 699 && len(digits) == 3
}
