package sip

import (
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/edge"
)

// The bodies that we speak.
const (
	typeSDP   = "application/sdp"
	typeRelay = "application/dtmf-relay"
	typeDTMF  = "application/dtmf"
)

// allowed is the Allow header.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"

// retryAfter is what a caller is asked to wait when we are full or stopping.
const retryAfter = "10"

// serve takes a request that the edge let through and that sipgo matched to no
// transaction. It runs on a goroutine of that message.
func (ua *UA) serve(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	defer func() {
		if v := recover(); v != nil {
			ua.panicked(v)
			ua.work.Guard(func() { ua.reply(req, tx, sipmsg.StatusInternalServerError) })
		}
	}()
	if ua.closed.Load() {
		// It was on its way when our sockets were closed, and sipgo may have opened
		// one of its own to answer it.
		tx.Terminate()
		ua.closeTransports()
		return
	}
	ua.m.request(req.Method, in)
	if req.Method == sipmsg.ACK {
		tx.Terminate() // its leg has it; see arrive
		return
	}
	key := keyOf(req)
	if _, answered := ua.load.answers.get(key); answered {
		tx.Terminate() // a repetition that crossed its answer; the edge answers the next
		return
	}
	ua.load.begin(key, tx)
	if tag := tagOf(req.To()); tag != "" && req.Method != sipmsg.CANCEL {
		ua.serveInDialog(req, tx, tag)
		return
	}
	switch req.Method {
	case sipmsg.INVITE:
		ua.serveInvite(req, tx)
	case sipmsg.REGISTER:
		ua.serveRegister(req, tx)
	case sipmsg.OPTIONS:
		// Our own self-test; the edge answers all others.
		ua.reply(req, tx, sipmsg.StatusOK)
	default:
		// A dialog or INVITE that ended since the edge looked.
		ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
	}
}

// refuseMethod answers a method that we do not speak: 405 where it is known to
// SIP, 501 where it is not.
func (ua *UA) refuseMethod(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	code := sipmsg.StatusNotImplemented
	if slices.Contains(edge.Methods, string(req.Method)) {
		code = sipmsg.StatusMethodNotAllowed
	}
	ua.reply(req, tx, code, sipmsg.NewHeader("Allow", allowed))
}

// serveInDialog hands a request to its leg.
func (ua *UA) serveInDialog(req *sipmsg.Request, tx *sipmsg.ServerTx, tag string) {
	l := ua.find(req.CallID().Value(), tag)
	if l == nil {
		ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	}
	l.turns.take(keyOf(req), func() {
		if !l.box.post(func() { l.within(req, tx) }) {
			ua.m.Drop(dropMailbox)
			ua.work.Start(func() { ua.reply(req, tx, sipmsg.StatusServiceUnavailable) })
		}
	})
}

// contentType is the body's type without parameters, in lower case.
func contentType(req *sipmsg.Request) string {
	t, _, _ := strings.Cut(header(req, "content-type", "c"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// serveInvite begins a leg for an INVITE outside a dialog. sipgo sends a 100 where
// nothing else was said for 200 ms (RFC 3261 17.2.1).
func (ua *UA) serveInvite(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	t, ok := ua.caller(req, tx)
	if !ok {
		return
	}
	seen := req.CallID().Value() + "\x00" + tagOf(req.From()) + "\x00" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
	if ua.merged(seen) {
		ua.reply(req, tx, sipmsg.StatusLoopDetected)
		return
	}
	l := ua.newLeg(calls.RoleCustomer)
	l.trunk, l.id, l.patience, l.uas.seenKey = t, ua.cfg.IDs.New("leg_"), ua.cfg.patience(), seen
	l.timer.SessionTimer = t.Timer
	refuse := func(code int, why string) {
		ua.unsee(seen)
		ua.m.Refuse(why)
		ua.reply(req, tx, code, sipmsg.NewHeader("Retry-After", retryAfter))
	}
	if !ua.takes() {
		refuse(sipmsg.StatusServiceUnavailable, "stopping")
		return
	}
	if ua.cfg.Admits() != nil {
		refuse(sipmsg.StatusServiceUnavailable, "media")
		return
	}
	if ua.openPort(l) != nil {
		refuse(sipmsg.StatusServiceUnavailable, "media_ports")
		return
	}
	l.receive(req, tx)
	if !ua.enter(l) {
		l.port.Close()
		refuse(sipmsg.StatusServiceUnavailable, "legs")
		return
	}
	ua.ringing.add(l.uas.branch, l.peer, t.Name)
	l.hook.leg.Store(l)
	hook := l.hook
	canceled := func(cancel *sipmsg.Request) {
		ua.work.Guard(func() {
			if l := hook.leg.Load(); l != nil {
				l.post(&input{ev: evCancel, req: cancel})
			}
		})
	}
	if !tx.OnCancel(canceled) {
		// It was cancelled before it could be told to us.
		defer canceled(req)
	}
	ua.load.wait(1)
	l.post(&input{ev: evInvite, req: req})
	if !l.box.post(func() { ua.load.wait(-1) }) {
		ua.load.wait(-1)
	}
}

// drainAcks reads the ACKs that sipgo matches to an INVITE's own transaction:
// those of our final responses, and those of peers that reuse its branch for a
// 2xx, which their leg has already. Unread ones would park a goroutine each. It
// begins with the first one that comes: most calls have none.
func (ua *UA) drainAcks(tx *sipmsg.ServerTx) {
	for {
		select {
		case <-tx.Acks():
		case <-tx.Done():
			return
		}
	}
}
