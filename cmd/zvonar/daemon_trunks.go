package main

import (
	"math"
	"time"

	"zvonar/internal/api"
	"zvonar/internal/calls"
	"zvonar/internal/config"
	"zvonar/media/codec"
	"zvonar/sip/trunk"
)

// trunkConfigs turns the configured trunks into the user agent's.
func trunkConfigs(cfg *config.Config) []trunk.Config {
	out := make([]trunk.Config, 0, len(cfg.Trunks))
	for _, t := range cfg.Trunks {
		names := t.Codecs
		if len(names) == 0 {
			names = cfg.Media.Codecs
		}
		var codecs []codec.ID
		for _, n := range names {
			codecs = append(codecs, codec.ID(n))
		}
		out = append(out, trunk.Config{Name: t.Name, URI: t.URI, CA: t.CA, Username: t.Username, Password: t.Password.Reveal(), Realm: t.Realm, Redirect: t.Redirect,
			AcceptFrom: prefixes(t.AcceptFrom), MediaFrom: prefixes(t.MediaFrom), Numbers: t.Numbers,
			MaxCalls: t.MaxCalls, MaxCPS: t.MaxCPS, Codecs: codecs, Register: t.Register, Expires: t.Expires.Duration(), Proxy: t.Proxy, AuthInbound: t.AuthInbound, CallerID: callerID(t.CallerID), Formats: formats(t.Rewrite), Headers: t.Headers, Outcomes: outcomes(t.Outcomes), Probe: t.Options.Duration(), DTMF: trunk.DTMF(t.DTMF), SRTP: trunk.SRTP(t.SRTP), PRACK: trunk.PRACK(t.PRACK), AcceptTransfer: t.AcceptTransfer != "off",
			Timer: trunk.SessionTimer{Mode: trunk.TimerMode(t.Timer.Mode), Expires: t.Timer.Expires.Duration(), Min: t.Timer.Min.Duration()}})
	}
	if len(cfg.SIP.ChallengeFrom) > 0 {
		var codecs []codec.ID
		for _, n := range cfg.Media.Codecs {
			codecs = append(codecs, codec.ID(n))
		}
		out = append(out, trunk.Config{Name: calls.SoftphoneTrunk, URI: "registered:" + trunk.AnyUser, Codecs: codecs, Probe: softphoneProbe, AcceptTransfer: true})
	}
	return out
}

func callerID(c config.CallerID) trunk.CallerID {
	return trunk.CallerID{Identity: trunk.Identity(c.Identity), FromUsername: c.From == "username", Domain: c.Domain, Trust: c.Trust, CalledTo: c.Called == "to"}
}

func formats(r config.Rewrite) trunk.Numbers {
	rules := func(list []config.NumberRule) []trunk.Rule {
		out := make([]trunk.Rule, 0, len(list))
		for _, n := range list {
			out = append(out, trunk.Rule(n))
		}
		return out
	}
	return trunk.Numbers{ToOut: rules(r.ToOut), FromOut: rules(r.FromOut), ToIn: rules(r.ToIn), FromIn: rules(r.FromIn)}
}

// outcomes are a trunk's own readings of refusals. What is its own fault is not
// charged to the callee.
func outcomes(list []config.Outcome) map[int]calls.Result {
	out := map[int]calls.Result{}
	for _, o := range list {
		out[o.Code] = calls.Result{Outcome: o.Outcome, Reason: o.Reason, Charged: o.Outcome != calls.OutcomeTrunkError}
	}
	return out
}

// softphoneProbe is how often the telephones of employees are asked by OPTIONS,
// which keeps the way through their NATs open, too.
const softphoneProbe = 20 * time.Second

// trunkStatus is what GET /v1/trunks tells.
func (d *daemon) trunkStatus() []api.TrunkStatus {
	out := make([]api.TrunkStatus, 0, len(d.live.Load().Trunks))
	for _, t := range d.trunks.All() {
		codecs := make([]string, 0, len(t.Codecs))
		for _, c := range t.Codecs {
			codecs = append(codecs, string(c))
		}
		now, _ := d.ua.TrunkStatus(t.Name)
		reg := now.Registration
		targets := make([]api.TrunkTarget, 0, len(now.Targets))
		for _, k := range now.Targets {
			targets = append(targets, api.TrunkTarget{Address: k.String(), State: string(k.State), Since: calls.Stamp(k.Since), RTTMS: milliseconds(k.RTT), Error: k.Error})
		}
		out = append(out, api.TrunkStatus{Targets: targets, State: string(now.State), Reason: now.Reason, Register: reg.Wanted, Contact: reg.Contact,
			RegisteredUntil: calls.Stamp(reg.Until), NextRegister: calls.Stamp(reg.Next), Name: t.Name, URI: t.URI, Numbers: t.Numbers, Codecs: codecs,
			MaxCalls: t.MaxCalls, MaxCPS: t.MaxCPS, Account: d.live.Load().AccountOfTrunk(t.Name), Calls: d.dialer.Limits().InUse(t.Name)})
	}
	return out
}

// milliseconds is d as it is published.
func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// trunkUsable opens and closes a trunk for what is dialled.
func (d *daemon) trunkUsable(name string, usable bool) { d.dialer.Limits().SetDown(name, !usable) }

// trunkChanged tells the log of events that a trunk went down, or up again.
func (d *daemon) trunkChanged(name string, now trunk.Status) {
	typ := calls.TrunkUp
	if now.State == trunk.Down {
		typ = calls.TrunkDown
	}
	e := calls.NewEvent(d.ids.New("evt_"), d.clock.Now().UTC(), "trunk:"+name, typ, struct {
		Why string `json:"why,omitempty"`
	}{now.Reason})
	if e.Account = d.live.Load().AccountOfTrunk(name); e.Account == "" {
		e.Account = calls.MainAccount
	}
	d.store.Note(func(tx calls.Tx) error { return tx.AppendEvent(&e) }, func(err error) {
		if err != nil {
			d.log.Error("the event about a trunk could not be stored", "trunk", name, "err", err)
		}
	})
}
