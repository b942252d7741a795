package rostelecom

import (
	"context"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// callBack is the body of call_back: who is rung first, and then whom he is
// connected with.
type callBack struct {
	Domain        string `json:"domain,omitempty"`
	RequestNumber string `json:"request_number"`
	FromPIN       string `json:"from_pin,omitempty"`
	FromSIPURI    string `json:"from_sipuri,omitempty"`
}

// Place implements providers.Originator: call_back rings our extension, or the
// employee's where it joins two, and then the client.
func (p *Provider) Place(ctx context.Context, r providers.PlaceRequest) (providers.PlaceResult, error) {
	begun := p.house.Clock.Now()
	session, err := p.place(ctx, r)
	p.metrics.Placed(p.name, p.house.Clock.Now().Sub(begun), err)
	return providers.PlaceResult{ProviderCallID: session}, err
}

func (p *Provider) place(ctx context.Context, r providers.PlaceRequest) (string, error) {
	body, err := p.callBackOf(r)
	if err != nil {
		return "", err
	}
	var out struct {
		SessionID text `json:"session_id"`
	}
	if err := p.ask(ctx, methodCallBack, r.CallID, body, &out); err != nil {
		return "", err
	}
	return calls.Clean(string(out.SessionID), 100), nil
}

// callBackOf says who is rung first.
func (p *Provider) callBackOf(r providers.PlaceRequest) (callBack, error) {
	b := callBack{Domain: p.set.Domain, RequestNumber: e164(r.To)}
	switch {
	case r.Flow.Bridge != nil:
		pin := pinOf(r.Employee, p.name)
		if pin == "" {
			pin = plainExtension(r.Flow.Bridge.Manager)
		}
		if pin == "" {
			return b, &calls.PlaceRefused{Reason: "the employee has no extension at the virtual PBX"}
		}
		b.FromPIN = pin
	case p.set.FromURI != "":
		b.FromSIPURI = p.set.FromURI
	case p.set.FromPIN != "":
		b.FromPIN = p.set.FromPIN
	case r.Extension != "":
		b.FromPIN = r.Extension
	default:
		return b, &calls.PlaceRefused{Reason: "nobody is configured who is rung first: set from_pin, from_sipuri or extension"}
	}
	return b, nil
}

// pinOf is an employee's internal number at a provider; "": none.
func pinOf(e *calls.Employee, provider string) string {
	switch {
	case e == nil:
		return ""
	case e.Subscriber != "" && (e.Provider == "" || e.Provider == provider):
		return e.Subscriber
	}
	return e.Extension
}

// plainExtension is an extension as targets write it; "" where it is none.
func plainExtension(target string) string {
	s, _, _ := strings.Cut(strings.TrimPrefix(target, "employee:"), "@")
	if s == "" || len(s) > 8 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// Follow implements providers.Follower: events bring what happens, and call_info,
// asked for at the end, how it went.
func (p *Provider) Follow(ctx context.Context, r providers.PlaceRequest, placed <-chan providers.PlaceResult, tell func(calls.ProviderReport)) (hear func()) {
	f := p.hub.follow(r.To)
	over, stop := p.mustBeOver(r)
	return func() {
		defer f.leave()
		defer stop()
		p.follow(ctx, r, f, placed, over, tell)
	}
}

// follow tells what f brings until all was told; over comes when the call cannot go on any more.
func (p *Provider) follow(ctx context.Context, r providers.PlaceRequest, f *follower, placed <-chan providers.PlaceResult, over <-chan struct{}, tell func(calls.ProviderReport)) {
	t := newTelling(r.To, p.ownPIN(r), p.set.Ready)
	t.joins = r.Flow.Bridge != nil
	t.resume(r.Resumed)
	past := false // it cannot go on any more
	for {
		select {
		case <-ctx.Done():
			return
		case result, ok := <-placed:
			placed = nil
			if ok && result.ProviderCallID != "" {
				t.session = result.ProviderCallID
				f.adopt(result.ProviderCallID)
			} else {
				f.lost()
			}
		case <-over:
			over, past = nil, true
		case <-f.wake:
			for _, e := range f.take() {
				t.session = string(e.SessionID)
				for _, rep := range t.event(e) {
					if rep.State == calls.ReportEnded {
						p.end(ctx, r, t, rep, tell)
						return
					}
					tell(rep)
				}
			}
		}
		if past && t.session != "" {
			past = false
			if info, err := p.infoWhenReady(ctx, t.session, r.CallID); err == nil {
				p.finish(ctx, r, t, calls.ProviderReport{State: calls.ReportEnded, ProviderCallID: t.session}, info, tell)
				return
			}
		}
	}
}

// mustBeOver tells when a call that a former process placed cannot go on any more: its
// end may have been told while nobody listened, and whether a talk is over cannot be read
// from call_info. It is never told of others.
func (p *Provider) mustBeOver(r providers.PlaceRequest) (over <-chan struct{}, stop func()) {
	if r.Resumed == nil {
		return nil, func() {}
	}
	c := make(chan struct{})
	end := r.Resumed.AskedAt.Add(r.RingTimeout + r.MaxDuration)
	timer := p.house.Clock.AfterFunc(max(time.Second, end.Sub(p.house.Clock.Now())), func() { close(c) })
	return c, func() { timer.Stop() }
}

// ownPIN is who is rung first of a call, as the events name him.
func (p *Provider) ownPIN(r providers.PlaceRequest) string {
	b, err := p.callBackOf(r)
	if err != nil {
		return ""
	}
	if b.FromSIPURI != "" {
		return user(b.FromSIPURI)
	}
	return b.FromPIN
}

// end asks how a call went and tells of it.
func (p *Provider) end(ctx context.Context, r providers.PlaceRequest, t *telling, rep calls.ProviderReport, tell func(calls.ProviderReport)) {
	info, err := p.infoWhenReady(ctx, t.session, r.CallID)
	if err != nil {
		p.log.Warn("how a call went could not be asked for; its events tell", "call", r.CallID, "err", err)
	}
	p.finish(ctx, r, t, rep, info, tell)
}

// finish tells the end of a call by what is known of it, and then where its record is.
func (p *Provider) finish(ctx context.Context, r providers.PlaceRequest, t *telling, rep calls.ProviderReport, info *callInfo, tell func(calls.ProviderReport)) {
	t.over = true
	tell(t.ended(rep, info))
	recorded := t.recorded || info != nil && info.IsRecord.yes()
	if !recorded || !p.set.Records.Links {
		return
	}
	url, err := p.Record(ctx, t.session, r.CallID)
	if err != nil {
		p.log.Warn("the record of a call could not be had", "call", r.CallID, "err", err)
		return
	}
	tell(calls.ProviderReport{State: calls.ReportRecord, RecordURL: url, ProviderCallID: t.session})
}

// infoWhenReady asks for a session until it is known how it went; nil and no error
// never come together.
func (p *Provider) infoWhenReady(ctx context.Context, session, correlation string) (*callInfo, error) {
	var info *callInfo
	err := p.until(ctx, p.set.CallInfo.Tries, time.Duration(p.set.CallInfo.Pause), func() (again bool, err error) {
		info, err = p.CallInfo(ctx, session, correlation)
		return err != nil, err
	})
	return info, err
}

// until runs f until it is done or the tries are spent, pausing in between.
func (p *Provider) until(ctx context.Context, tries int, pause time.Duration, f func() (again bool, err error)) error {
	for n := 1; ; n++ {
		again, err := f()
		if !again || n >= tries || ctx.Err() != nil {
			return err
		}
		wake := make(chan struct{})
		timer := p.house.Clock.AfterFunc(pause, func() { close(wake) })
		select {
		case <-wake:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
