package sip

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

// registration keeps one trunk registered (RFC 3261 10.2). Everything happens on
// its mailbox.
type registration struct {
	ua   *UA
	t    *trunk.Trunk
	pace *pacer
	box  mailbox

	callID string
	tag    string
	seq    uint32
	asked  time.Duration  // what we ask for; 423 may raise it
	raised bool           // it was raised for this registration
	fails  int            // in a row
	at     resolve.Target // where the last REGISTER went
	round  int            // numbers the REGISTERs, so that what comes late is known as late
	told   string         // the Contact that the registrar has
	moved  bool           // it was corrected since the last refresh
	tx     *sipmsg.ClientTx
	timer  clock.Timer
	expiry clock.Timer // looks at the trunk when the registration runs out
	view   trunk.Registration
	ending bool
	ended  chan struct{} // closed once nothing more is sent
	once   sync.Once
}

func newRegistration(ua *UA, t *trunk.Trunk, pace *pacer) *registration {
	r := &registration{ua: ua, t: t, pace: pace, callID: ua.cfg.IDs.New("") + "@zvonar", tag: sipmsg.GenerateTagN(20),
		asked: t.Expires, ended: make(chan struct{})}
	r.box.work = ua.work
	r.view = trunk.Registration{Wanted: true, Since: ua.clock.Now(), Error: "the registrar has not answered yet"}
	t.SetRegistration(r.view)
	return r
}

// register begins to register with a trunk that wants it, once first, if not nil,
// is over.
func (ua *UA) register(t *trunk.Trunk, first <-chan struct{}) {
	if !t.Register {
		return
	}
	r := newRegistration(ua, t, ua.pace)
	ua.mu.Lock()
	ua.registrations = append(ua.registrations, r)
	ua.mu.Unlock()
	if first == nil {
		r.box.post(r.begin)
		return
	}
	ua.work.Start(func() {
		<-first
		r.box.post(r.begin)
	})
}

// stopRegistrations takes our contacts back and waits for the answers until ctx ends.
func (ua *UA) stopRegistrations(ctx context.Context) {
	ua.mu.Lock()
	list := slices.Clone(ua.registrations)
	ua.mu.Unlock()
	for _, r := range list {
		r.box.post(r.leave)
	}
	ctx, cancel := context.WithTimeout(ctx, unregisterPatience)
	defer cancel()
	for _, r := range list {
		select {
		case <-r.ended:
		case <-ctx.Done():
			r.box.post(r.end)
			<-r.ended
		}
	}
}

// unregisterPatience is how long a stop waits for registrars.
const unregisterPatience = 2 * time.Second

// after runs f on the mailbox once d has passed, instead of what waited before.
func (r *registration) after(d time.Duration, f func()) {
	if r.timer != nil {
		r.timer.Stop()
	}
	round := r.round
	r.timer = r.ua.clock.AfterFunc(d, func() {
		r.box.post(func() {
			if r.round == round && !r.ending {
				f()
			}
		})
	})
}

// begin waits for its turn at the registrar, then sends.
func (r *registration) begin() {
	if r.ending {
		return
	}
	if wait := r.pace.wait(r.t.NextHop().Host); wait > 0 {
		r.after(wait, func() { r.send(r.asked) })
		return
	}
	r.send(r.asked)
}

// send sends a REGISTER for that long; 0 takes the registration back.
func (r *registration) send(expires time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), sendPatience)
	defer cancel()
	list, err := r.ua.targets(ctx, r.t)
	if err != nil {
		r.failed(trunk.Silent, 0, r.t.Status(r.ua.clock.Now()).Reason)
		return
	}
	target := list[0]
	r.round++
	round := r.round
	contact := r.contact(target)
	a := r.ua.credentialsOf(r.t)
	answer := func(res *sipmsg.Response, req *sipmsg.Request, err error) {
		r.box.post(func() {
			if round == r.round {
				r.replied(res, req, err, a, contact, expires)
			}
		})
	}
	r.at = target
	r.transmit(target, contact, expires, a, nil, answer)
}

// contact is our address as the registrar is to know it.
func (r *registration) contact(target resolve.Target) string {
	transport := strings.ToUpper(target.Transport)
	host, port := r.ua.contactOf(r.t, transport, target.Addr.String())
	uri := sipmsg.Uri{Scheme: "sip", User: r.t.Username, Host: host, Port: port, UriParams: transportParam(transport)}
	return "<" + uri.String() + ">"
}

// transmit sends one REGISTER and reports its final response or error, once.
func (r *registration) transmit(target resolve.Target, contact string, expires time.Duration, a *auth, credentials []sipmsg.Header,
	done func(*sipmsg.Response, *sipmsg.Request, error)) {
	home := r.t.Target()
	r.seq++
	address := sipmsg.Uri{Scheme: "sip", User: r.t.Username, Host: home.HostForURI()}
	d := &dialog{callID: r.callID, transport: strings.ToUpper(target.Transport),
		local: party{uri: address, tag: r.tag}, remote: party{uri: address},
		target: sipmsg.Uri{Scheme: "sip", Host: home.HostForURI(), Port: int(home.Port)}}
	if proxy := r.t.NextHop(); proxy != home {
		d.routes = []string{proxyRoute(proxy)}
	}
	req := d.request(sipmsg.REGISTER, r.seq)
	req.SetDestination(target.Addr.String())
	seconds := strconv.Itoa(int(expires / time.Second))
	req.AppendHeader(sipmsg.NewHeader("Contact", contact+";expires="+seconds))
	if r.told != "" && r.told != contact && expires > 0 {
		req.AppendHeader(sipmsg.NewHeader("Contact", r.told+";expires=0"))
	}
	req.AppendHeader(sipmsg.NewHeader("Expires", seconds))
	req.AppendHeader(sipmsg.NewHeader("Supported", "path"))
	a.attach(req, credentials)
	err := r.ua.stamp(req)
	var tx *sipmsg.ClientTx
	if err == nil {
		tx, err = r.ua.begin(req, nil)
	}
	if err != nil {
		done(nil, nil, err)
		return
	}
	r.tx = tx
	round := r.round
	r.stopTimer(&r.timer)
	r.timer = r.ua.clock.AfterFunc(trunk.RegisterPatience, func() {
		r.box.post(func() {
			if round == r.round && r.tx == tx {
				tx.Terminate() // which ends listen, so the failure is told once
			}
		})
	})
	r.ua.listen(tx, func(res *sipmsg.Response, err error) {
		if err != nil || !res.IsProvisional() {
			done(res, req, err)
		}
	})
}

// proxyRoute is the Route of an outbound proxy.
func proxyRoute(p trunk.URI) string {
	uri := sipmsg.Uri{Scheme: "sip", Host: p.HostForURI(), Port: int(p.Port), UriParams: transportParam(strings.ToUpper(p.Transport))}
	uri.UriParams = append(uri.UriParams, sipmsg.HeaderKV{K: "lr"})
	return "<" + uri.String() + ">"
}

func (r *registration) stopTimer(t *clock.Timer) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
}

// replied takes the final response to a REGISTER, or what ended it.
func (r *registration) replied(res *sipmsg.Response, req *sipmsg.Request, err error, a *auth, contact string, expires time.Duration) {
	r.tx = nil
	r.stopTimer(&r.timer)
	if r.ending {
		if h := r.challenged(a, res, req, err); h != nil {
			r.again(a, h, contact, expires)
			return
		}
		r.end()
		return
	}
	switch {
	case err != nil:
		r.t.Silent(r.ua.clock.Now(), r.at, "did not answer a REGISTER")
		r.failed(trunk.Silent, 0, r.silence(err))
	case res.IsSuccess():
		r.registered(res, contact, expires)
	case res.StatusCode == 423 && r.raise(res):
		r.begin()
	default:
		r.learn(res)
		if h := r.challenged(a, res, req, err); h != nil {
			r.again(a, h, contact, expires)
			return
		}
		if res.StatusCode == 503 {
			r.t.Busy(r.ua.clock.Now(), r.at, retryAfterOf(res))
		}
		r.failed(trunk.RegisterTrouble(res.StatusCode), retryAfterOf(res),
			trunk.RegisterWords(r.t.Username, r.t.Target().Host, res.StatusCode, bounded(res.Reason)))
	}
}

func (r *registration) challenged(a *auth, res *sipmsg.Response, req *sipmsg.Request, err error) []sipmsg.Header {
	if err != nil || req == nil {
		return nil
	}
	return a.answer(res, req)
}

// again sends the REGISTER with credentials, in the same round.
func (r *registration) again(a *auth, credentials []sipmsg.Header, contact string, expires time.Duration) {
	round := r.round
	r.transmit(r.at, contact, expires, a, credentials, func(res *sipmsg.Response, req *sipmsg.Request, err error) {
		r.box.post(func() {
			if round == r.round {
				r.replied(res, req, err, a, contact, expires)
			}
		})
	})
}

// silence says why nothing came back.
func (r *registration) silence(err error) string {
	if errors.Is(err, sipmsg.ErrTransactionTerminated) || errors.Is(err, sipmsg.ErrTransactionTimeout) {
		return r.t.NextHop().Host + " does not answer REGISTER: check uri, the firewall, and whether it is up"
	}
	return "the REGISTER could not be sent: " + err.Error()
}

// raise takes the Min-Expires of a 423; false where it would not help.
func (r *registration) raise(res *sipmsg.Response) bool {
	least, err := strconv.Atoi(strings.TrimSpace(header(res, "min-expires")))
	wanted := time.Duration(least) * time.Second
	if err != nil || wanted <= r.asked || wanted > trunk.MaxExpires || r.raised {
		return false
	}
	r.asked, r.raised = wanted, true
	return true
}

// learn takes the address that the registrar saw us come from (RFC 3581).
func (r *registration) learn(res *sipmsg.Response) {
	if r.ua.cfg.Advertise.IsValid() || r.at.Transport != "udp" {
		return
	}
	if seen, ok := seenAs(res.Via()); ok {
		r.t.SetPublic(seen)
	}
}

// registered takes a 2xx.
func (r *registration) registered(res *sipmsg.Response, contact string, expires time.Duration) {
	granted := grantedTo(res, contact, expires)
	if granted <= 0 {
		r.failed(trunk.Busy, 0, r.t.Target().Host+" accepts REGISTER but keeps no contact of ours")
		return
	}
	now := r.ua.clock.Now()
	if r.view.Error != "" {
		r.view.Since = now
		r.ua.log.Info("sip: registered", "trunk", r.t.Name, "for", granted, "contact", contact)
	}
	r.t.Answered(now, r.at)
	r.told, r.fails, r.raised = contact, 0, false
	r.t.SetRoutes(serviceRoute(r.ua, r.t, res))
	wait := trunk.RefreshIn(granted, r.ua.random())
	r.learn(res)
	// Where it saw us elsewhere than we said, now or when it asked for the password, it
	// has to be told, or calls go nowhere.
	if r.moved = !r.moved && r.contact(r.at) != contact; r.moved {
		wait = 0
	}
	r.view = trunk.Registration{Wanted: true, Until: now.Add(granted), Since: r.view.Since, Contact: strings.Trim(contact, "<>"), Next: now.Add(wait)}
	r.publish()
	r.watchExpiry(granted)
	r.after(wait, r.begin)
}

// watchExpiry has the trunk looked at once the registration has run out: nobody may be
// told just then that it could not be renewed.
func (r *registration) watchExpiry(in time.Duration) {
	r.stopTimer(&r.expiry)
	r.expiry = r.ua.clock.AfterFunc(in, func() {
		r.box.post(func() {
			if !r.ending {
				r.ua.changed(r.t)
			}
		})
	})
}

// failed notes a failure and when the next try is.
func (r *registration) failed(what trunk.Trouble, asked time.Duration, why string) {
	if r.ending {
		r.end()
		return
	}
	r.fails++
	now := r.ua.clock.Now()
	if what == trunk.Refused && r.fails == 1 && r.view.Until.After(now) {
		what = trunk.Busy // once more at once: it knew us a moment ago
	}
	wait := trunk.RetryIn(what, r.fails, asked, r.ua.random())
	if r.view.Error == "" {
		r.view.Since = now
	}
	if !r.view.Until.After(now) || what == trunk.Refused {
		r.view.Until = time.Time{}
	}
	if r.view.Error != why {
		r.ua.log.Warn("sip: a registration failed", "trunk", r.t.Name, "error", why, "next", wait)
	}
	r.view.Error, r.view.Next = why, now.Add(wait)
	r.publish()
	r.after(wait, r.begin)
}

func (r *registration) publish() {
	r.t.SetRegistration(r.view)
	r.ua.changed(r.t)
}

// leave takes our contact back.
func (r *registration) leave() {
	if r.ending {
		return
	}
	r.halt()
	if r.told == "" {
		r.end()
		return
	}
	r.send(0)
}

// end ends it for good.
func (r *registration) end() {
	r.round++
	r.halt()
	r.tx = nil
	r.once.Do(func() { close(r.ended) })
}

// halt stops what is under way; nothing is begun any more but the taking back.
func (r *registration) halt() {
	r.ending = true
	r.stopTimer(&r.timer)
	r.stopTimer(&r.expiry)
	if r.tx != nil {
		r.tx.Terminate()
	}
}
