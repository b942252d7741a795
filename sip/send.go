package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/edge"
	"zvonar/sip/trunk"
)

// stamp adds what every request of ours has: Via, Max-Forwards, User-Agent,
// Content-Length, and the socket it leaves from.
func (ua *UA) stamp(req *sipmsg.Request) error {
	host, port := ua.sentBy(req.Transport(), req.Destination())
	if host == "" {
		return errors.New("no listener fits the address family and transport of the destination")
	}
	req.PrependHeader(&sipmsg.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: req.Transport(), Host: host, Port: port,
		Params: sipmsg.HeaderParams{{K: "branch", V: sipmsg.GenerateBranch()}, {K: "rport"}}})
	ua.finishRequest(req)
	return nil
}

// finishRequest adds the rest, for requests that bring their Via.
func (ua *UA) finishRequest(req *sipmsg.Request) {
	if req.MaxForwards() == nil { // an INVITE that passes a call on brings what is left
		left := sipmsg.MaxForwardsHeader(calls.MaxForwards)
		req.AppendHeader(&left)
	}
	req.AppendHeader(sipmsg.NewHeader("User-Agent", ua.cfg.UserAgent))
	if req.ContentLength() == nil {
		req.SetBody(req.Body())
	}
	if c := ua.socket(req.Destination()); c != nil && req.Transport() == "UDP" {
		local := c.Addr()
		req.Laddr = sipmsg.Addr{IP: net.IP(local.Addr().AsSlice()), Port: int(local.Port()), Hostname: local.Addr().String()}
	}
}

// socket is the UDP socket that sends to dest: the first of its family.
func (ua *UA) socket(dest string) *edge.UDP {
	for _, u := range ua.udp {
		if sameFamily(u.Addr(), dest) {
			return u
		}
	}
	return nil
}

// sameFamily reports whether dest can be sent to from an address; a host name
// can from any.
func sameFamily(from netip.AddrPort, dest string) bool {
	to, err := netip.ParseAddrPort(dest)
	return err != nil || from.Addr().Is4() == to.Addr().Unmap().Is4()
}

// sentBy is our address for Via and Contact towards dest: a listener of the
// transport, or where there is none the address of another without its port.
func (ua *UA) sentBy(transport, dest string) (host string, port int) {
	var local netip.AddrPort
	network := sipmsg.NetworkToLower(transport)
	for _, l := range ua.listeners {
		if !sameFamily(l.addr, dest) {
			continue
		}
		if l.network == network {
			local = l.addr
			break
		}
		if network != "udp" && !local.IsValid() {
			local = netip.AddrPortFrom(l.addr.Addr(), 0)
		}
	}
	if !local.IsValid() {
		return "", 0
	}
	addr := local.Addr()
	if ua.cfg.Advertise.IsValid() {
		addr = ua.cfg.Advertise
	}
	return hostOf(addr), int(local.Port())
}

// contactOf is our address in Contact towards a trunk: the one that its registrar
// sees us at, else that of sentBy.
func (ua *UA) contactOf(t *trunk.Trunk, transport, dest string) (host string, port int) {
	if public := t.Public(); public.IsValid() && transport == "UDP" {
		return hostOf(public.Addr()), int(public.Port())
	}
	return ua.sentBy(transport, dest)
}

// hostOf writes an address as a URI's host.
func hostOf(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// errClosed is why a request of a stopped user agent is not sent.
var errClosed = errors.New("the user agent has been stopped")

// begin sends a request in a transaction of its own. retransmitted receives
// repeated 2xx; it may be nil.
func (ua *UA) begin(req *sipmsg.Request, retransmitted func(*sipmsg.Response)) (*sipmsg.ClientTx, error) {
	ua.sends.RLock()
	defer ua.sends.RUnlock()
	if ua.closed.Load() {
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendPatience)
	defer cancel()
	if err := ua.connect(ctx, req); err != nil {
		return nil, err
	}
	tx, err := ua.tx.NewClientTransaction(ctx, req)
	if err != nil {
		return nil, err
	}
	if retransmitted != nil {
		tx.OnRetransmission(func(res *sipmsg.Response) {
			ua.work.Guard(func() { retransmitted(res) })
		})
	}
	ua.m.request(req.Method, out)
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, err
	}
	return tx, nil
}

// listen passes the responses of tx to got, in order, up to the final one, or
// the error that ended it. sipgo's transactions block when nobody reads them.
func (ua *UA) listen(tx *sipmsg.ClientTx, got func(*sipmsg.Response, error)) {
	ua.work.Start(func() {
		for {
			select {
			case res := <-tx.Responses():
				ua.m.response(res, in)
				got(res, nil)
				if !res.IsProvisional() {
					return
				}
			case <-tx.Done():
				err := tx.Err()
				if err == nil {
					err = sipmsg.ErrTransactionTerminated
				}
				got(nil, err)
				return
			}
		}
	})
}

// ask sends a request within d and reports its final response or the error, once,
// from any goroutine. A challenge is answered with a's credentials. fill adds
// headers and body; it may be nil. d is read before ask returns, except for the
// sequence number of a request sent again, which is told to d's owner by value:
// such requests are the last or only ones of their kind.
func (ua *UA) ask(d *dialog, method sipmsg.RequestMethod, a *auth, fill func(*sipmsg.Request), done func(*sipmsg.Response, error)) {
	seq := d.next()
	frozen := *d
	var send func(seq uint32, credentials []sipmsg.Header)
	send = func(seq uint32, credentials []sipmsg.Header) {
		req := frozen.request(method, seq)
		if fill != nil {
			fill(req)
		}
		a.attach(req, credentials)
		err := ua.stamp(req)
		var tx *sipmsg.ClientTx
		if err == nil {
			tx, err = ua.begin(req, nil)
		}
		if err != nil {
			done(nil, err)
			return
		}
		ua.listen(tx, func(res *sipmsg.Response, err error) {
			switch {
			case err == nil && res.IsProvisional():
			case err != nil:
				done(nil, err)
			default:
				if h := a.answer(res, req); h != nil {
					send(seq+1, h)
					return
				}
				done(res, nil)
			}
		})
	}
	// A request sent again with credentials takes the next number.
	if a.username != "" {
		d.localSeq += maxAuth
	}
	send(seq, nil)
}

// write sends a request that makes no transaction: an ACK.
func (ua *UA) write(req *sipmsg.Request) error {
	ua.sends.RLock()
	defer ua.sends.RUnlock()
	if ua.closed.Load() {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendPatience)
	defer cancel()
	if err := ua.connect(ctx, req); err != nil {
		return err
	}
	conn, err := ua.tp.ClientRequestConnection(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _, _ = conn.TryClose() }()
	ua.m.request(req.Method, out)
	return conn.WriteMsg(req)
}

// respond sends a response in tx; one that cannot be sent ends the transaction,
// which sipgo would otherwise keep for ever. The final response to anything but an
// INVITE ends it, too: over UDP repetitions are answered for 64*T1 (RFC 3261
// 17.2.2), for which its text is enough.
func (ua *UA) respond(tx *sipmsg.ServerTx, res *sipmsg.Response) error {
	ua.m.response(res, out)
	err := tx.Respond(res)
	req := tx.Origin()
	switch {
	case req.Via() == nil:
	case errors.Is(err, sipmsg.ErrTransactionCanceled):
	case err != nil:
		tx.Terminate()
	case req.Method == sipmsg.INVITE:
		ua.load.speak(keyOf(req))
	case req.Method == sipmsg.OPTIONS && tagOf(req.To()) == "":
		tx.Terminate() // our own self-test; it is not repeated
	case !res.IsProvisional() && !sipmsg.IsReliable(req.Transport()):
		ua.load.answers.keep(keyOf(req), []byte(res.String()))
		tx.Terminate()
	}
	return err
}

// reply answers a request with a plain response.
func (ua *UA) reply(req *sipmsg.Request, tx *sipmsg.ServerTx, code int, headers ...sipmsg.Header) {
	res := sipmsg.NewResponseFromRequest(req, code, phrase(code), nil)
	res.SipVersion = "SIP/2.0" // sipgo echoes what it was asked with
	for _, h := range headers {
		res.AppendHeader(h)
	}
	if err := ua.respond(tx, res); err != nil {
		ua.log.Debug("sip: a response could not be sent", "code", code, "error", err)
	}
}
