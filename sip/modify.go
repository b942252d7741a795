package sip

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// modification is a change of an established session that we ask for (RFC 3261
// 14.1). One is under way at a time; what is wanted meanwhile waits.
type modification struct {
	wanted change
	now    change           // what tx asks for
	tx     *sipmsg.ClientTx // nil: nothing is under way
	req    *sipmsg.Request
	auth   *auth
	ack    *sipmsg.Request // for the last 2xx to a re-INVITE of ours
	// noUpdate: the far end said that it takes UPDATE, and then refused one.
	noUpdate bool
	tries    int  // that were told to come again later
	hold     bool // whether we want the far end to hold
	agreed   bool // the same as agreed on
}

// change is what we want of the far end.
type change int

// The changes, the stronger one last: it does the work of the others.
const (
	changeNone    change = iota
	changeRefresh        // tell that we are there; the session stays
	changeOffer          // a new offer
)

// The waits after 491 (RFC 3261 14.1), and how often we come again.
const (
	glareOwnerMin = 2100 * time.Millisecond // whoever made the Call-ID
	glareOwnerMax = 4 * time.Second
	glareOtherMax = 2 * time.Second
	glareUnit     = 10 * time.Millisecond
	maxTries      = 8
)

// Hold asks the far end to hold (on) or to go on: we are not to hear it, while
// what we play is still heard there. Before the answer, and while another change
// is under way, the request waits. A refusal leaves the session as it was.
func (l *Leg) Hold(on bool) {
	l.do(func() {
		if l.mod.hold != on {
			l.mod.hold = on
			l.want(changeOffer)
		}
	})
}

// Refresh tells the far end that the session lives, and finds out whether it
// still does: a far end that does not know it, or is silent, ends the leg. It is
// an UPDATE where they take one, else a re-INVITE; the SDP stays as it was.
func (l *Leg) Refresh() { l.do(func() { l.want(changeRefresh) }) }

// offers reports whether an offer of ours waits for its answer.
func (m *modification) offers() bool { return m.tx != nil && len(m.req.Body()) > 0 }

func (l *Leg) want(c change) {
	l.mod.wanted = max(l.mod.wanted, c)
	l.modify()
}

// modify asks for what is wanted, if nothing is in its way.
func (l *Leg) modify() {
	m := &l.mod
	if m.wanted == changeNone || m.tx != nil || l.state != stUp || l.answer.res != nil || l.timers[timerGlare] != nil {
		return
	}
	m.now, m.wanted, m.auth = m.wanted, changeNone, l.credentials()
	l.sendModify(nil)
}

// sendModify sends the re-INVITE or UPDATE, again with credentials where it was
// challenged.
func (l *Leg) sendModify(credentials []sipmsg.Header) {
	m := &l.mod
	method, body := sipmsg.INVITE, l.media.Refresh
	switch {
	case m.now == changeOffer:
		l.media.Hold(m.hold)
		body = l.media.Offer
	case l.takesUpdate() && !m.noUpdate:
		method, body = sipmsg.UPDATE, nil
	}
	req := l.d.request(method, l.d.next())
	req.AppendHeader(sipmsg.NewHeader("Allow", allowed))
	l.offerExtensions(req)
	if body != nil {
		req.AppendHeader(sipmsg.NewHeader("Content-Type", typeSDP))
		req.SetBody(body())
	}
	m.auth.attach(req, credentials)
	err := l.ua.stamp(req)
	var tx *sipmsg.ClientTx
	if err == nil {
		tx, err = l.ua.begin(req, nil)
	}
	if err != nil {
		l.ua.log.Warn("sip: a request within a dialog could not be sent", "leg", l.id, "method", method, "error", err)
		l.modified(0)
		return
	}
	m.tx, m.req = tx, req
	l.ua.listen(tx, func(res *sipmsg.Response, err error) {
		if err == nil && (res.IsProvisional() || req.Method == sipmsg.INVITE && res.IsSuccess()) {
			return // the latter is here already; see arrive
		}
		l.do(func() {
			if m.tx == tx {
				l.modifyReplied(res, err)
			}
		})
	})
}

// refusesUpdate reports whether a far end does not take UPDATE after all.
func refusesUpdate(res *sipmsg.Response, req *sipmsg.Request) bool {
	return req.Method == sipmsg.UPDATE && (res.StatusCode == sipmsg.StatusMethodNotAllowed || res.StatusCode == sipmsg.StatusNotImplemented)
}

// takesUpdate reports whether the far end said that it takes UPDATE.
func (l *Leg) takesUpdate() bool {
	h := l.received.Load()
	if h == nil {
		return false
	}
	for _, v := range (*h).GetHeaders("Allow") {
		if slices.ContainsFunc(strings.Split(v.Value(), ","), func(s string) bool { return strings.TrimSpace(s) == "UPDATE" }) {
			return true
		}
	}
	return false
}

// modifyReplied takes the final response, or the end of the transaction.
func (l *Leg) modifyReplied(res *sipmsg.Response, err error) {
	m := &l.mod
	m.tx = nil
	if l.state != stUp && (err != nil || !res.IsSuccess()) {
		return
	}
	switch {
	case errors.Is(err, sipmsg.ErrTransactionTimeout):
		l.modified(sipmsg.StatusRequestTimeout)
	case err != nil:
		l.modified(0)
	case res.IsSuccess():
		l.modifyAgreed(res)
	default:
		if h := m.auth.answer(res, m.req); h != nil || l.timer.raise(res) {
			l.sendModify(h)
			return
		}
		if refusesUpdate(res, m.req) {
			m.noUpdate, m.wanted = true, max(m.wanted, m.now)
		}
		l.comeAgain(res)
		l.modified(res.StatusCode)
	}
}

// modifyAgreed takes a 2xx: the ACK goes out even where the leg has ended
// meanwhile. One whose audio we cannot use changes nothing.
func (l *Leg) modifyAgreed(res *sipmsg.Response) {
	m := &l.mod
	if l.state == stUp {
		l.d.refresh(res.Contact())
		l.hearPeers()
	}
	if m.req.Method == sipmsg.INVITE {
		m.ack = l.d.request(sipmsg.ACK, m.req.CSeq().SeqNo)
		if err := l.ua.stamp(m.ack); err == nil {
			l.reAck(res)
		}
	}
	if l.state == stUp && len(m.req.Body()) > 0 {
		if err := l.acceptLate(res.Body()); err != nil {
			l.ua.log.Info("sip: the answer to a re-INVITE has no audio that we know; the session stays as it was", "leg", l.id, "error", err)
			l.modified(sipmsg.StatusNotAcceptableHere)
			return
		}
		m.agreed = l.media.Held()
	}
	if l.state == stUp {
		l.timer.agreed(res)
		l.live()
	}
	m.tries = 0
	l.modify()
}

// modified ends a change that was not agreed to. Only a far end that does not
// know the dialog, or is silent, ends the leg (RFC 3261 12.2.1.2, RFC 5057 5.1);
// every other answer leaves the session as it was.
func (l *Leg) modified(code int) {
	l.media.Hold(l.mod.agreed)
	if l.mod.wanted < changeOffer {
		l.mod.hold = l.mod.agreed
	}
	if code == sipmsg.StatusCallTransactionDoesNotExists || code == sipmsg.StatusRequestTimeout {
		l.handle(&input{ev: evGone})
	}
	l.modify()
}

// comeAgain has a request that came at the wrong time sent again: after 491 when
// chance says, after 500 or 503 when the far end said.
func (l *Leg) comeAgain(res *sipmsg.Response) {
	m := &l.mod
	var wait time.Duration
	switch seconds, err := strconv.Atoi(strings.TrimSpace(header(res, "Retry-After"))); {
	case res.StatusCode == sipmsg.StatusRequestPending:
		wait = l.glare()
	case err == nil && seconds >= 0 && seconds <= overlapSeconds &&
		(res.StatusCode == sipmsg.StatusInternalServerError || res.StatusCode == sipmsg.StatusServiceUnavailable):
		wait = time.Duration(seconds) * time.Second
	default:
		return
	}
	if m.tries++; m.tries > maxTries {
		m.tries = 0
		return
	}
	m.wanted = max(m.wanted, m.now)
	l.after(timerGlare, wait, l.modify)
}

// glare is how long to wait after 491, in steps of 10 ms.
func (l *Leg) glare() time.Duration {
	low, high := time.Duration(0), glareOtherMax
	if l.outbound {
		low, high = glareOwnerMin, glareOwnerMax
	}
	steps := float64((high-low)/glareUnit) + 1
	return low + time.Duration(l.ua.random()*steps)*glareUnit
}
