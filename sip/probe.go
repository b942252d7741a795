package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

// prober keeps an eye on the addresses of one trunk: what its name stands for, and
// by OPTIONS whether they answer. Everything happens on its mailbox.
type prober struct {
	ua     *UA
	t      *trunk.Trunk
	box    mailbox
	timer  clock.Timer
	ending bool
}

// probe begins to look after a trunk.
func (ua *UA) probe(t *trunk.Trunk) {
	p := &prober{ua: ua, t: t}
	p.box.work = ua.work
	ua.mu.Lock()
	ua.probers = append(ua.probers, p)
	ua.mu.Unlock()
	p.box.post(p.look)
}

// stopProbers sends nothing more.
func (ua *UA) stopProbers() {
	ua.mu.Lock()
	list := ua.probers
	ua.probers = nil
	ua.mu.Unlock()
	for _, p := range list {
		p.box.post(p.end)
	}
}

// end sends nothing more.
func (p *prober) end() {
	p.ending = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

// lookAgain is how often the addresses of a trunk are looked up that is sent no
// OPTIONS, and the state of one that has none.
const lookAgain = 5 * time.Second

// look looks up the addresses, asks those that are due and sets the next time.
func (p *prober) look() {
	if p.ending {
		return
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendPatience)
	_, err := p.ua.targets(ctx, p.t)
	cancel()
	next := lookAgain
	if err == nil && p.t.Probe > 0 {
		var list []resolve.Target
		list, next = p.t.Due(p.ua.clock.Now(), p.t.Probe, p.ua.random)
		for _, target := range list {
			p.ask(target)
		}
	}
	p.ua.changed(p.t)
	p.timer = p.ua.clock.AfterFunc(min(next, lookAgain), func() { p.box.post(p.look) })
}

// ask sends one OPTIONS.
func (p *prober) ask(target resolve.Target) {
	sent := p.ua.clock.Now()
	told := func(bad string, hard bool) {
		p.box.post(func() {
			now := p.ua.clock.Now()
			p.t.Probed(now, target, now.Sub(sent), bad, hard)
			p.look()
		})
	}
	req := p.options(target)
	err := p.ua.stamp(req)
	var tx *sipmsg.ClientTx
	if err == nil {
		tx, err = p.ua.begin(req, nil)
	}
	if err != nil {
		told("OPTIONS cannot be sent: "+err.Error(), true)
		return
	}
	patience := p.ua.clock.AfterFunc(trunk.ProbePatience, tx.Terminate)
	p.ua.listen(tx, func(res *sipmsg.Response, err error) {
		switch {
		case err != nil:
			patience.Stop()
			told("does not answer OPTIONS: check uri, the firewall, and whether it is up", !errors.Is(err, sipmsg.ErrTransactionTerminated) && !errors.Is(err, sipmsg.ErrTransactionTimeout))
		case !res.IsProvisional():
			patience.Stop()
			told(ailing(res.StatusCode, bounded(res.Reason)), true)
		}
	})
}

// ailing says what is wrong with whoever answers OPTIONS so; "" where it is well:
// that it does not speak OPTIONS says that it lives.
func ailing(code int, phrase string) string {
	switch code {
	case 408, 502, 503, 504:
		return fmt.Sprintf("answers OPTIONS with %d %s: it is overloaded, stopping, or cannot reach what stands behind it", code, phrase)
	}
	return ""
}

// options makes an OPTIONS for the trunk at one of its addresses.
func (p *prober) options(target resolve.Target) *sipmsg.Request {
	home, transport := p.t.Target(), strings.ToUpper(target.Transport)
	host, port := p.ua.contactOf(p.t, transport, target.Addr.String())
	self := sipmsg.Uri{Scheme: "sip", User: "zvonar", Host: host, Port: port, UriParams: transportParam(transport)}
	d := &dialog{callID: p.ua.cfg.IDs.New("") + "@zvonar", transport: transport,
		local:  party{uri: sipmsg.Uri{Scheme: "sip", User: "zvonar", Host: host}, tag: sipmsg.GenerateTagN(20)},
		remote: party{uri: sipmsg.Uri{Scheme: "sip", Host: home.HostForURI()}},
		target: sipmsg.Uri{Scheme: "sip", Host: home.HostForURI(), Port: int(home.Port)}}
	if p.t.Registered() != "" {
		for _, b := range p.ua.contactsFor(p.t, "") {
			uri, fine := addressURI("<" + b.Contact + ">")
			if at, ok := reached(b); ok && fine && at == target {
				d.target, d.remote.uri, d.routes = uri, sipmsg.Uri{Scheme: "sip", User: uri.User, Host: host}, b.Path
			}
		}
	} else if proxy := p.t.NextHop(); proxy != home {
		d.routes = []string{proxyRoute(proxy)}
	}
	req := d.request(sipmsg.OPTIONS, 1)
	req.SetDestination(target.Addr.String())
	req.AppendHeader(sipmsg.NewHeader("Contact", "<"+self.String()+">"))
	req.AppendHeader(sipmsg.NewHeader("Accept", typeSDP))
	return req
}
