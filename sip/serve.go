package sip

import (
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// The bodies that we speak.
const (
	typeSDP   = "application/sdp"
	typeRelay = "application/dtmf-relay"
	typeDTMF  = "application/dtmf"
)

// allowed is the Allow header.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"

// retryAfter is what a caller is asked to wait when we are full or stopping.
const retryAfter = "10"

// serve takes a request that sipgo matched to no transaction. It runs on a
// goroutine of that message.
func (ua *UA) serve(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if ua.closed.Load() {
		// It was on its way when our sockets were closed, and sipgo may have opened
		// one of its own to answer it.
		tx.Terminate()
		ua.closeTransports()
		return
	}
	ua.m.request(req.Method, in)
	if req.Method == sipmsg.ACK {
		ua.serveAck(req)
		tx.Terminate()
		return
	}
	if req.Method == sipmsg.INVITE {
		ua.work.start(func() { ua.drainAcks(tx) })
	}
	if code, h := validate(req); code != 0 {
		ua.reply(req, tx, code, h...)
		return
	}
	if req.Method == sipmsg.CANCEL {
		ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	}
	if tag := tagOf(req.To()); tag != "" {
		ua.serveInDialog(req, tx, tag)
		return
	}
	switch req.Method {
	case sipmsg.INVITE:
		ua.serveInvite(req, tx)
	case sipmsg.OPTIONS:
		if !ua.serving() {
			ua.reply(req, tx, sipmsg.StatusServiceUnavailable, sipmsg.NewHeader("Retry-After", retryAfter))
			return
		}
		ua.reply(req, tx, sipmsg.StatusOK, sipmsg.NewHeader("Allow", allowed), sipmsg.NewHeader("Accept", typeSDP))
	case sipmsg.BYE, sipmsg.INFO, sipmsg.UPDATE:
		ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
	default:
		ua.refuseMethod(req, tx)
	}
}

// refuseMethod answers a method that we do not speak: 405 where it is known to
// SIP, 501 where it is not.
func (ua *UA) refuseMethod(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	code := sipmsg.StatusNotImplemented
	if slices.Contains(methods, req.Method) {
		code = sipmsg.StatusMethodNotAllowed
	}
	ua.reply(req, tx, code, sipmsg.NewHeader("Allow", allowed))
}

// serveAck passes an ACK on; there is no answer to one, whatever is wrong with it.
func (ua *UA) serveAck(req *sipmsg.Request) {
	if req.CallID() == nil || req.To() == nil || req.From() == nil || req.CSeq() == nil {
		return
	}
	if l := ua.find(req.CallID().Value(), tagOf(req.To())); l != nil {
		l.do(func() {
			if l.fromPeer(req) {
				l.acked(req)
			}
		})
	}
}

// serveInDialog hands a request to its leg.
func (ua *UA) serveInDialog(req *sipmsg.Request, tx *sipmsg.ServerTx, tag string) {
	l := ua.find(req.CallID().Value(), tag)
	if l == nil {
		ua.reply(req, tx, sipmsg.StatusCallTransactionDoesNotExists)
		return
	}
	if !l.box.post(func() { l.within(req, tx) }) {
		ua.m.drop(dropMailbox)
		ua.reply(req, tx, sipmsg.StatusServiceUnavailable)
	}
}

// check is one rule that a request must keep: the code to answer with and
// further headers, or 0.
type check func(req *sipmsg.Request) (int, []sipmsg.Header)

// checks are applied in order to every request but ACK (RFC 3261 8.2); sipgo
// leaves all of them to us.
var checks = []check{checkVersion, checkPresent, checkSingle, checkMethod, checkScheme, checkRequire, checkBody}

func validate(req *sipmsg.Request) (int, []sipmsg.Header) {
	for _, c := range checks {
		if code, h := c(req); code != 0 {
			return code, h
		}
	}
	return 0, nil
}

func checkVersion(req *sipmsg.Request) (int, []sipmsg.Header) {
	if !strings.EqualFold(req.SipVersion, "SIP/2.0") {
		return sipmsg.StatusVersionNotSupported, nil
	}
	return 0, nil
}

func checkPresent(req *sipmsg.Request) (int, []sipmsg.Header) {
	if req.Via() == nil || req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil ||
		tagOf(req.From()) == "" || (req.Method == sipmsg.INVITE && req.Contact() == nil) {
		return sipmsg.StatusBadRequest, nil
	}
	return 0, nil
}

func checkSingle(req *sipmsg.Request) (int, []sipmsg.Header) {
	for _, names := range [][]string{{"from", "f"}, {"to", "t"}, {"call-id", "i"}, {"cseq"}, {"max-forwards"}, {"content-length", "l"}} {
		n := 0
		for _, name := range names {
			n += len(req.GetHeaders(name))
		}
		if n > 1 {
			return sipmsg.StatusBadRequest, nil
		}
	}
	return 0, nil
}

func checkMethod(req *sipmsg.Request) (int, []sipmsg.Header) {
	if strings.TrimSpace(string(req.CSeq().MethodName)) != string(req.Method) {
		return sipmsg.StatusBadRequest, nil
	}
	return 0, nil
}

func checkScheme(req *sipmsg.Request) (int, []sipmsg.Header) {
	switch strings.ToLower(req.Recipient.Scheme) {
	case "", "sip", "sips", "tel":
		return 0, nil
	}
	return 416, nil
}

// checkRequire refuses every extension: none is spoken (RFC 3261 8.2.2.3).
func checkRequire(req *sipmsg.Request) (int, []sipmsg.Header) {
	if req.Method == sipmsg.CANCEL {
		return 0, nil
	}
	if v := bounded(header(req, "require")); v != "" {
		return sipmsg.StatusBadExtension, []sipmsg.Header{sipmsg.NewHeader("Unsupported", v)}
	}
	return 0, nil
}

func checkBody(req *sipmsg.Request) (int, []sipmsg.Header) {
	if len(req.Body()) == 0 {
		return 0, nil
	}
	if e := header(req, "content-encoding", "e"); e != "" && !strings.EqualFold(e, "identity") {
		return sipmsg.StatusUnsupportedMediaType, []sipmsg.Header{sipmsg.NewHeader("Accept-Encoding", "identity")}
	}
	wants := map[sipmsg.RequestMethod]string{sipmsg.INVITE: typeSDP, sipmsg.UPDATE: typeSDP}[req.Method]
	if wants != "" && contentType(req) != wants {
		return sipmsg.StatusUnsupportedMediaType, []sipmsg.Header{sipmsg.NewHeader("Accept", wants)}
	}
	return 0, nil
}

// contentType is the body's type without parameters, in lower case.
func contentType(req *sipmsg.Request) string {
	t, _, _ := strings.Cut(header(req, "content-type", "c"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// serveInvite begins a leg for an INVITE outside a dialog.
func (ua *UA) serveInvite(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	ua.reply(req, tx, sipmsg.StatusTrying)
	t, ok := ua.cfg.Trunks.MatchFrom(source(req))
	if !ok {
		// A peer of some dialog, but no trunk: it may not begin a call.
		ua.reply(req, tx, sipmsg.StatusForbidden)
		return
	}
	seen := req.CallID().Value() + "\x00" + tagOf(req.From()) + "\x00" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
	if ua.merged(seen) {
		ua.reply(req, tx, sipmsg.StatusLoopDetected)
		return
	}
	l := &Leg{ua: ua, role: calls.RoleCustomer, trunk: t, started: ua.clock.Now(), id: ua.cfg.IDs.New("leg_"), mediaTimeout: ua.cfg.MediaTimeout}
	l.box.work = ua.work
	l.uas.seenKey = seen
	refuse := func(code int) {
		ua.unsee(seen)
		ua.reply(req, tx, code, sipmsg.NewHeader("Retry-After", retryAfter))
	}
	if !ua.serving() || ua.openPort(l) != nil {
		refuse(sipmsg.StatusServiceUnavailable)
		return
	}
	l.receive(req, tx)
	if !ua.enter(l) {
		l.port.Close()
		refuse(sipmsg.StatusServiceUnavailable)
		return
	}
	ua.ringing.add(l.uas.branch, l.peer)
	if !tx.OnCancel(func(cancel *sipmsg.Request) { l.post(&input{ev: evCancel, req: cancel}) }) {
		// It was cancelled before it could be told to us.
		defer l.post(&input{ev: evCancel, req: req})
	}
	l.post(&input{ev: evInvite, req: req})
}

// drainAcks reads the ACKs that sipgo matches to an INVITE's own transaction:
// those of our final responses, and those of peers that reuse its branch for a
// 2xx. Unread ones would park a goroutine each.
func (ua *UA) drainAcks(tx *sipmsg.ServerTx) {
	for {
		select {
		case ack := <-tx.Acks():
			ua.serveAck(ack)
		case <-tx.Done():
			return
		}
	}
}
