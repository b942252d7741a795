package sip

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/sip/registrar"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

// registerPatience bounds the look into the store for one REGISTER or call.
const registerPatience = 3 * time.Second

// defaultExpires is how long a registration lasts that says nothing of it.
const defaultExpires = time.Hour

// maxContactURI bounds the URI of a contact.
const maxContactURI = 512

// asks reports whether requests from there are answered by asking for a password.
func (ua *UA) asks(from netip.Addr) bool {
	return ua.cfg.Registrar != nil && ua.cfg.Registrar.Hears(from)
}

// challenge is the header lines of a 401.
func (ua *UA) challenge() string {
	var b strings.Builder
	for _, c := range ua.cfg.Registrar.Challenges(false) {
		b.WriteString("WWW-Authenticate: " + c + "\r\n")
	}
	return b.String()
}

// proven judges the password of a request and answers it where that is not enough;
// ok is false then.
func (ua *UA) proven(req *sipmsg.Request, tx *sipmsg.ServerTx) (u registrar.User, ok bool) {
	r := ua.cfg.Registrar
	ctx, cancel := context.WithTimeout(context.Background(), registerPatience)
	defer cancel()
	from := source(req).Addr()
	u, v, bans := r.Check(ctx, valuesOf(req, "Authorization"), string(req.Method), req.Recipient.String(), from)
	if bans {
		ua.log.Warn("sip: too many wrong passwords; nothing of this address is heard for a while", "source", from)
	}
	ua.m.passwords.WithLabelValues(verdictWords[v]).Inc()
	switch v {
	case registrar.Granted:
		return u, true
	case registrar.Ask, registrar.Stale:
		hs := make([]sipmsg.Header, 0, 2)
		for _, c := range r.Challenges(v == registrar.Stale) {
			hs = append(hs, sipmsg.NewHeader("WWW-Authenticate", c))
		}
		ua.reply(req, tx, sipmsg.StatusUnauthorized, hs...)
	case registrar.Refused:
		ua.reply(req, tx, sipmsg.StatusForbidden)
	default:
		ua.reply(req, tx, sipmsg.StatusServiceUnavailable, sipmsg.NewHeader("Retry-After", retryAfter))
	}
	return u, false
}

// verdictWords are the label values of zvonar_sip_passwords_total.
var verdictWords = map[registrar.Verdict]string{registrar.Granted: "granted", registrar.Refused: "refused", registrar.Ask: "asked",
	registrar.Stale: "stale", registrar.Failed: "failed"}

// valuesOf are the values of every header of a name.
func valuesOf(m interface{ GetHeaders(string) []sipmsg.Header }, name string) (list []string) {
	for _, h := range m.GetHeaders(name) {
		list = append(list, h.Value())
	}
	return list
}

// serveRegister takes a REGISTER (RFC 3261 10.3).
func (ua *UA) serveRegister(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	if !ua.asks(source(req).Addr()) {
		ua.refuseMethod(req, tx)
		return
	}
	u, ok := ua.proven(req, tx)
	if !ok {
		return
	}
	if req.To().Address.User != u.Name { // whoever registers another's address takes his calls
		ua.reply(req, tx, sipmsg.StatusForbidden)
		return
	}
	wish, ok := wishOf(req)
	if !ok {
		ua.reply(req, tx, sipmsg.StatusBadRequest)
		return
	}
	wish.User = u
	ctx, cancel := context.WithTimeout(context.Background(), registerPatience)
	defer cancel()
	list, err := ua.cfg.Registrar.Register(ctx, wish)
	switch {
	case errors.Is(err, registrar.ErrBrief):
		ua.reply(req, tx, 423, sipmsg.NewHeader("Min-Expires", strconv.Itoa(int(ua.cfg.Registrar.Least()/time.Second))))
		return
	case errors.Is(err, registrar.ErrMany):
		ua.log.Info("sip: a user has as many contacts as he may", "user", u.Name)
		ua.reply(req, tx, sipmsg.StatusForbidden)
		return
	case errors.Is(err, registrar.ErrOld):
		ua.reply(req, tx, sipmsg.StatusInternalServerError, sipmsg.NewHeader("Retry-After", "1"))
		return
	case err != nil:
		ua.log.Warn("sip: a registration could not be stored", "user", u.Name, "error", err)
		ua.reply(req, tx, sipmsg.StatusServiceUnavailable, sipmsg.NewHeader("Retry-After", retryAfter))
		return
	}
	now := ua.clock.Now()
	var hs []sipmsg.Header
	for _, b := range list {
		left := strconv.Itoa(int(b.ExpiresAt.Sub(now).Round(time.Second) / time.Second))
		hs = append(hs, sipmsg.NewHeader("Contact", "<"+b.Contact+">;expires="+left))
	}
	for _, p := range wish.Path {
		hs = append(hs, sipmsg.NewHeader("Path", p))
	}
	hs = append(hs, sipmsg.NewHeader("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	ua.reply(req, tx, sipmsg.StatusOK, hs...)
	ua.moved(u.Name)
}

// moved looks at the trunk of a user whose contacts may have changed.
func (ua *UA) moved(user string) {
	ua.m.registered.Set(float64(len(ua.cfg.Registrar.Users())))
	if t, ok := ua.cfg.Trunks.OfUser(user); ok && t.Registered() != "" {
		_, _ = ua.targets(context.Background(), t)
		ua.changed(t)
	}
}

// wishOf reads what a REGISTER asks for.
func wishOf(req *sipmsg.Request) (q registrar.Request, ok bool) {
	q = registrar.Request{Received: source(req), Transport: sipmsg.NetworkToLower(req.Transport()), Path: pathOf(req), CallID: req.CallID().Value(), CSeq: req.CSeq().SeqNo,
		Agent: bounded(header(req, "user-agent"))}
	def := defaultExpires
	if h := header(req, "expires"); h != "" {
		if n, err := strconv.ParseUint(h, 10, 32); err == nil {
			def = time.Duration(n) * time.Second
		}
	}
	if !calls.Printable(q.CallID) || len(q.CallID) > 256 {
		return q, false
	}
	for _, value := range contactValues(req) {
		if value == "*" {
			q.All = true
			continue
		}
		w, ok := wishFor(value, def)
		if !ok {
			return q, false
		}
		q.Wishes = append(q.Wishes, w)
	}
	// "*" stands alone, and takes everything back (RFC 3261 10.3, 6).
	return q, !q.All || len(q.Wishes) == 0 && def == 0
}

func wishFor(value string, expires time.Duration) (w registrar.Wish, ok bool) {
	var uri sipmsg.Uri
	var params sipmsg.HeaderParams
	if _, err := sipmsg.ParseAddressValue(value, &uri, &params); err != nil || !calls.Printable(value) || !validHost(uri.Host) ||
		uri.Scheme != "sip" && uri.Scheme != "sips" {
		return w, false
	}
	uri.Headers = nil
	w = registrar.Wish{Contact: uri.String(), Expires: expires, Q: 1}
	if v, has := params.Get("expires"); has {
		if n, err := strconv.ParseUint(v, 10, 32); err == nil {
			w.Expires = time.Duration(n) * time.Second
		}
	}
	if v, has := params.Get("q"); has {
		if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f <= 1 {
			w.Q = f
		}
	}
	return w, len(w.Contact) <= maxContactURI && !strings.ContainsAny(w.Contact, "<>\" ")
}

// pathOf are the values of Path (RFC 3327), as they will stand in Route.
func pathOf(req *sipmsg.Request) (list []string) {
	for _, value := range valuesOf(req, "Path") {
		for _, v := range splitOutsideQuotes(value, ',') {
			if v = strings.TrimSpace(v); len(list) < maxRoutes && calls.Printable(v) {
				if _, ok := addressURI(v); ok {
					list = append(list, v)
				}
			}
		}
	}
	return list
}

// caller is the trunk of an INVITE: by where it comes from, else by its password.
// ok is false where the INVITE was answered already.
func (ua *UA) caller(req *sipmsg.Request, tx *sipmsg.ServerTx) (*trunk.Trunk, bool) {
	from := source(req)
	if t, ok := ua.trunkAt(from); ok {
		return ua.sharper(t, from, req), true
	}
	if !ua.asks(from.Addr()) {
		// A peer of some dialog, but no trunk: it may not begin a call.
		ua.reply(req, tx, sipmsg.StatusForbidden)
		return nil, false
	}
	u, ok := ua.proven(req, tx)
	if !ok {
		return nil, false
	}
	t, ok := ua.cfg.Trunks.OfUser(u.Name)
	if !ok {
		ua.log.Info("sip: a user called who belongs to no trunk; set auth_inbound or uri: registered:NAME", "user", u.Name)
		ua.reply(req, tx, sipmsg.StatusForbidden)
		return nil, false
	}
	return t, true
}

// trunkAt is the trunk that may speak from an address: whoever registered from just
// there before those that a network stands for.
func (ua *UA) trunkAt(from netip.AddrPort) (*trunk.Trunk, bool) {
	if r := ua.cfg.Registrar; r != nil {
		if user, ok := r.At(from); ok {
			if t, ok := ua.cfg.Trunks.OfUser(user); ok {
				return t, true
			}
		}
	}
	return ua.cfg.Trunks.MatchFrom(from)
}

// sharper tells apart trunks that have one registrar: a call comes to the Contact
// that we gave in the name of one of them.
func (ua *UA) sharper(t *trunk.Trunk, from netip.AddrPort, req *sipmsg.Request) *trunk.Trunk {
	if t.Register && t.Username == req.Recipient.User {
		return t
	}
	for _, other := range ua.cfg.Trunks.All() {
		if other.Register && other.Username == req.Recipient.User && other.Accepts(from.Addr()) {
			return other
		}
	}
	return t
}

// contactsFor are where a call over a trunk of registered users may go.
func (ua *UA) contactsFor(t *trunk.Trunk, to string) []calls.SIPBinding {
	r := ua.cfg.Registrar
	switch name := t.Registered(); {
	case r == nil:
		return nil
	case name != trunk.AnyUser:
		return r.Contacts(name)
	case to != "":
		return r.Contacts(to)
	default:
		var all []calls.SIPBinding
		for _, user := range r.Users() {
			if of, ok := ua.cfg.Trunks.OfUser(user); ok && of == t {
				all = append(all, r.Contacts(user)...)
			}
		}
		return all
	}
}

// reached is the target that a contact is reached by: where its REGISTER came from.
func reached(b calls.SIPBinding) (resolve.Target, bool) {
	at, err := netip.ParseAddrPort(b.Received)
	return resolve.Target{Addr: at, Transport: b.Transport}, err == nil
}

// registeredTargets are the targets of a trunk of registered users.
func (ua *UA) registeredTargets(t *trunk.Trunk, to string) (list []resolve.Target, err error) {
	for _, b := range ua.contactsFor(t, to) {
		if at, ok := reached(b); ok && !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	if name := t.Registered(); name != trunk.AnyUser {
		return nil, errors.New("nobody is registered as " + name)
	}
	return nil, nil
}

// toContact aims a dialog at the contact that its target belongs to; false where
// it is gone.
func (l *Leg) toContact(target resolve.Target) bool {
	for _, b := range l.ua.contactsFor(l.trunk, l.uac.req.To) {
		at, ok := reached(b)
		uri, fine := addressURI("<" + b.Contact + ">")
		if !ok || !fine || at != target {
			continue
		}
		if l.trunk.Registered() != trunk.AnyUser {
			uri.User = l.d.target.User // a PBX: the number that is called there
		}
		host, _ := l.ua.sentBy(l.d.transport, l.d.nextHop)
		l.d.target, l.d.routes, l.d.symmetric = uri, slices.Clone(b.Path), true
		l.d.remote.uri.Host = host
		return true
	}
	return false
}

// sweeper forgets contacts that ran out.
type sweeper struct {
	ua    *UA
	box   mailbox
	timer clock.Timer
	over  bool
}

const sweepPeriod = 15 * time.Second

func (s *sweeper) sweep() {
	if s.over {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), registerPatience)
	defer cancel()
	gone, err := s.ua.cfg.Registrar.Sweep(ctx)
	if err != nil {
		s.ua.log.Warn("sip: contacts that ran out could not be removed from the store", "error", err)
	}
	for _, user := range gone {
		s.ua.moved(user)
	}
	s.timer = s.ua.clock.AfterFunc(sweepPeriod, func() { s.box.post(s.sweep) })
}

func (ua *UA) startSweeper() {
	if ua.cfg.Registrar == nil {
		return
	}
	ua.sweep = &sweeper{ua: ua}
	ua.sweep.box.work = ua.work
	ua.sweep.box.post(ua.sweep.sweep)
}

func (ua *UA) stopSweeper() {
	if s := ua.sweep; s != nil {
		s.box.post(func() {
			s.over = true
			if s.timer != nil {
				s.timer.Stop()
			}
		})
	}
}
