package sip

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/failpoint"
	"zvonar/media"
	"zvonar/sip/resolve"
	"zvonar/sip/sdp"
	"zvonar/sip/trunk"
)

// uac is what a leg that we dialled keeps besides its dialog.
type uac struct {
	req        calls.DialRequest
	invite     *sipmsg.Request // the last one sent
	tx         *sipmsg.ClientTx
	ack        *sipmsg.Request // for our 2xx; sent again with each repetition
	answered   bool            // the first 2xx is here
	identities []sipmsg.Header // who calls, besides From
	added      []sipmsg.Header // of the trunk's own
	auth       auth
	offer      []byte
	early      []earlyDialog
	deafen     func()           // ends the listening to early media; nil: nobody listens
	target     resolve.Target   // where the INVITE goes
	further    []resolve.Target // where it may go instead
	// retryAfter is what a 503 asked for.
	retryAfter time.Duration
	reason     sipmsg.Header // for CANCEL and BYE; nil: the usual one
}

// Dial sends an INVITE and returns at once. Every event of the leg goes to
// events, LegEnded last. An error (*calls.Error) means that nothing was sent:
// unknown trunk, no port, forbidden characters.
func (ua *UA) Dial(req calls.DialRequest, events func(calls.LegEvent)) (*Leg, error) {
	l := ua.newLeg(req.Role)
	l.outbound, l.events = true, events
	l.hook.leg.Store(l)
	if err := l.prepare(req); err != nil {
		return nil, err
	}
	if !ua.serving() {
		return nil, calls.Errorf(calls.CodeOverloaded, "the user agent is stopping; try again later")
	}
	if err := ua.openPort(l); err != nil {
		return nil, err
	}
	if !ua.enter(l) {
		l.port.Close()
		return nil, calls.Errorf(calls.CodeOverloaded, "too many calls, or the Call-ID %s is in use", printable(req.SIPCallID))
	}
	l.post(&input{ev: evDial})
	return l, nil
}

// prepare checks a request and makes the dialog that its INVITE begins.
func (l *Leg) prepare(req calls.DialRequest) error {
	t, ok := l.ua.cfg.Trunks.Get(req.Trunk)
	if !ok {
		return calls.Errorf(calls.CodeNotFound, "there is no trunk %q", printable(req.Trunk))
	}
	if req.From == "" {
		if req.From = t.DefaultNumber(); req.From == "" {
			req.From = "anonymous"
		}
	}
	if req.Hops < 0 || req.Hops > calls.MaxForwards {
		return calls.Errorf(calls.CodeInvalidField, "the call was passed on %d times; %d are allowed", req.Hops, calls.MaxForwards)
	}
	to, err := userPart("the number to call", trunk.Rewrite(t.Formats.ToOut, req.To))
	if err != nil {
		return err
	}
	from, err := userPart("the caller number", trunk.Rewrite(t.Formats.FromOut, req.From))
	if err != nil {
		return err
	}
	name, err := displayName(req.FromName)
	if err != nil {
		return err
	}
	if err := callID(req.SIPCallID); err != nil {
		return err
	}
	if d := req.Replaces; d.CallID != "" {
		if _, ok := readReplaces(writeReplaces(d)); !ok {
			return calls.Errorf(calls.CodeInvalidField, "the dialog to be replaced is not named by plain characters")
		}
	}
	for n, v := range req.Headers {
		if err := furtherHeader(n, v); err != nil {
			return err
		}
	}
	l.trunk, l.id = t, l.ua.cfg.IDs.New("leg_")
	l.timer.SessionTimer = t.Timer
	l.uac.req, l.uac.added = req, further(t, req.Metadata)
	l.uac.auth = *l.ua.credentialsOf(t)
	l.d = dialog{trunk: t.Name, callID: req.SIPCallID, transport: strings.ToUpper(t.NextHop().Transport)}
	l.d.local = party{name: name, tag: sipmsg.GenerateTagN(20), uri: sipmsg.Uri{Scheme: "sip", User: from}}
	host := t.Target()
	l.d.target = sipmsg.Uri{Scheme: "sip", User: to, Host: host.HostForURI(), Port: int(host.Port)}
	if via := req.Via; via.IsValid() && !req.Failover {
		if !t.Accepts(via.Addr()) {
			return calls.Errorf(calls.CodeInvalidField, "%s is no address of trunk %s", via, t.Name)
		}
		l.d.target.Host, l.d.target.Port = hostOf(via.Addr()), int(via.Port())
	}
	l.d.target.UriParams = transportParam(l.d.transport)
	if req.Anonymous { // RFC 3323 4.1.1.3
		l.d.local = party{name: "Anonymous", tag: l.d.local.tag, uri: sipmsg.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
	}
	l.d.remote = party{uri: sipmsg.Uri{Scheme: "sip", User: to, Host: host.HostForURI()}}
	l.key = l.d.key()
	l.patience = l.ua.cfg.patience()
	if t := req.MediaTimeout; t != 0 {
		l.patience.Never, l.patience.Lost = t, t
	}
	return nil
}

// invite resolves the trunk and sends the first INVITE.
func (l *Leg) invite() {
	ctx, cancel := context.WithTimeout(context.Background(), sendPatience)
	defer cancel()
	list, err := l.places(ctx)
	if err != nil {
		l.post(&input{ev: evTransport, err: err})
		return
	}
	l.uac.target, l.uac.further = chosen(list, l.uac.req.Via)
	target := l.uac.target.Addr
	l.d.transport = strings.ToUpper(l.uac.target.Transport)
	l.d.nextHop, l.peer = target.String(), target.Addr()
	if l.trunk.Registered() != "" && !l.toContact(l.uac.target) {
		l.post(&input{ev: evTransport, err: errors.New("the registration ended meanwhile")})
		return
	}
	if proxy := l.trunk.NextHop(); proxy != l.trunk.Target() {
		l.d.routes = append(l.d.routes, proxyRoute(proxy))
	}
	l.d.routes = append(l.d.routes, l.trunk.Routes()...)
	host, _ := l.ua.sentBy(l.d.transport, l.d.nextHop)
	l.identify(host)
	host, port := l.ua.contactOf(l.trunk, l.d.transport, l.d.nextHop)
	contact := sipmsg.Uri{Scheme: "sip", User: l.d.local.uri.User, Host: host, Port: port}
	contact.UriParams = transportParam(l.d.transport)
	l.d.contact = "<" + contact.String() + ">"
	l.media = l.describes()
	l.uac.offer = l.media.Offer()
	l.port.Set(l.awaiting())
	ring := l.uac.req.RingTimeout
	if ring <= 0 || ring > maxRing {
		ring = maxRing
	}
	l.after(timerRing, ring, func() {
		if l.state == stCalling || l.state == stProceeding {
			l.ending.Timeout = true
			l.endedBy(calls.ByZvonar)
			l.handle(&input{ev: evRingTimeout})
		}
	})
	l.sendInvite(nil)
}

// awaiting is the session between our offer and its answer: whoever picks up
// first may be heard before his 200 is read.
func (l *Leg) awaiting() media.Session {
	s := l.session(l.media.Offered(), false)
	s.Offered = l.trunk.CodecsOrDefault()
	return s
}

// sessionID makes an o= id out of a leg's id.
func sessionID(id string) uint32 {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return h
}

// sendInvite sends the INVITE, again with credentials where it was challenged.
func (l *Leg) sendInvite(credentials []sipmsg.Header) {
	req := l.d.request(sipmsg.INVITE, l.d.next())
	req.SetDestination(l.d.nextHop)
	for name, value := range l.uac.req.Headers {
		req.AppendHeader(sipmsg.NewHeader(name, value))
	}
	if d := l.uac.req.Replaces; d.CallID != "" {
		req.AppendHeader(sipmsg.NewHeader("Replaces", writeReplaces(d)))
		req.AppendHeader(sipmsg.NewHeader("Require", tagReplaces))
	}
	for _, h := range slices.Concat(l.uac.identities, l.uac.added) {
		req.AppendHeader(h)
	}
	left := sipmsg.MaxForwardsHeader(calls.MaxForwards - l.uac.req.Hops)
	req.AppendHeader(&left)
	req.AppendHeader(sipmsg.NewHeader("Allow", allowed))
	l.offerExtensions(req)
	req.AppendHeader(sipmsg.NewHeader("Content-Type", typeSDP))
	req.SetBody(l.uac.offer)
	l.uac.auth.attach(req, credentials)
	err := l.ua.stamp(req)
	if err == nil {
		l.uac.invite = req
		l.uac.tx, err = l.ua.begin(req, l.hook.repeated)
	}
	if err != nil {
		l.post(&input{ev: evTransport, err: err})
		return
	}
	failpoint.Hit(failpoint.InviteSent)
	l.awaitFirstWord()
	tx := l.uac.tx
	l.ua.listen(tx, func(res *sipmsg.Response, err error) {
		if err == nil && res.StatusCode < 300 {
			return // it is here already; see arrive
		}
		l.do(func() {
			if l.uac.tx == tx {
				l.replied(res, err)
			}
		})
	})
}

// replied turns a response, or the end of the transaction, into an event.
func (l *Leg) replied(res *sipmsg.Response, err error) {
	switch {
	case errors.Is(err, sipmsg.ErrTransactionTimeout) && l.state == stProceeding:
		// sipgo starts Timer B once the INVITE is sent; a provisional response that comes
		// in between finds no timer to stop. The final response has no transaction
		// any more, so the telephone must not go on ringing.
		l.ending.Timeout = true
		l.endedBy(calls.ByZvonar)
		l.handle(&input{ev: evRingTimeout})
	case errors.Is(err, sipmsg.ErrTransactionTimeout):
		l.ua.strays.abandon(l.ua.clock, l.uac.invite)
		l.handle(&input{ev: evTimeout})
	case err != nil:
		l.handle(&input{ev: evTransport, err: err})
	case res.StatusCode < 100 || res.StatusCode > 699:
	case res.IsProvisional():
		l.handle(&input{ev: evProvisional, res: res})
	case res.IsSuccess():
		l.keep(res)
		in := &input{ev: evSuccess, res: res}
		if in.media, err = l.answered(res); err != nil {
			in.ev, in.err = evNoMedia, err
		}
		l.handle(in)
	default:
		l.keep(res)
		if h := l.uac.auth.answer(res, l.uac.invite); h != nil {
			l.handle(&input{ev: evChallenge, res: res, credentials: h})
			return
		}
		if l.timer.raise(res) {
			l.handle(&input{ev: evChallenge, res: res})
			return
		}
		l.handle(&input{ev: evFailure, res: res})
	}
}

// answered reads the audio of a 2xx. One without a body confirms what a
// provisional response of the same telephone described.
func (l *Leg) answered(res *sipmsg.Response) (sdp.Agreed, error) {
	if e := l.earlyOf(tagOf(res.To())); len(res.Body()) == 0 && e != nil && e.agreed != nil {
		return *e.agreed, nil
	}
	s, err := sdp.Parse(res.Body())
	if err != nil {
		return sdp.Agreed{}, err
	}
	return l.media.Accept(s)
}

// authenticate sends the INVITE again as it was asked for: with credentials, or for
// a longer session.
func (l *Leg) authenticate(in *input) { l.sendInvite(in.credentials) }

// establish takes the answer: audio first, then the ACK.
func (l *Leg) establish(in *input) {
	l.stopTimer(timerRing)
	l.ending.Answered, l.ending.Code = true, in.res.StatusCode
	observe(l.ua.m.answer, l.trunk.Name, l.ua.clock.Now().Sub(l.started))
	l.uac.early = nil
	l.deafen()
	l.setMedia(in.media, true)
	l.acknowledge(in.res)
	l.timer.agreed(in.res)
	l.live()
	l.emit(calls.LegEvent{Kind: calls.LegAnswered, Code: in.res.StatusCode, Codec: string(in.media.Codec), Target: l.uac.target.Addr, Dialog: l.d.store()})
	l.modify()
}

// calleeCodes are final responses that the callee gave, not the network.
var calleeCodes = map[int]bool{480: true, 486: true, 600: true, 603: true, 607: true, 608: true}

// failed takes a final response: the leg was not answered.
func (l *Leg) failed(in *input) {
	l.ending.Code = in.res.StatusCode
	l.told(in.res.GetHeaders("Reason"))
	if l.ending.Text == "" {
		l.ending.Text = bounded(in.res.Reason)
	}
	if in.res.StatusCode == sipmsg.StatusNotAcceptableHere || in.res.StatusCode == sipmsg.StatusGlobalNotAcceptable {
		l.ending.Media = true
	}
	l.ending.Override = l.overridden(in.res.StatusCode)
	l.uac.retryAfter = retryAfterOf(in.res)
	l.redirects = redirects(l.trunk, l.ending, in.res)
	if calleeCodes[in.res.StatusCode] {
		l.endedBy(l.party())
	}
	l.finish()
}

// gaveUp ends a leg that got no response, or could not send.
func (l *Leg) gaveUp(in *input) {
	switch in.ev {
	case evTimeout:
		l.ending.Timeout = true
	case evTransport:
		l.ending.Transport = !l.ending.Answered
		l.ua.log.Warn("sip: a leg could not be carried on", "leg", l.id, "trunk", l.d.trunk, "error", in.err)
	case evHangup:
		l.ending.Canceled = true
		l.endedBy(calls.ByZvonar)
	}
	if l.uac.tx != nil {
		l.uac.tx.Terminate()
	}
	l.finish()
}
