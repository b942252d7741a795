package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"zvonar/internal/api"
	"zvonar/internal/config"
	"zvonar/internal/engine"
	"zvonar/internal/outbox"
	"zvonar/providers"
	"zvonar/providers/httpcall"
)

// provider is one configured provider.
type provider struct {
	config.Provider
	n      int // among providers of the configuration
	system providers.System
	p      providers.Provider
}

// at is its path in the configuration.
func (c provider) at() string { return fmt.Sprintf("providers[%d]", c.n) }

// configFault is what is wrong with a part of the configuration.
type configFault struct{ problems []config.Problem }

// Error tells every fault.
func (f configFault) Error() string { return config.Error(f.problems).Error() }

// faultsOf are the faults that an error tells of.
func faultsOf(err error, cfg *config.Config, path string) []config.Problem {
	var fault configFault
	if errors.As(err, &fault) {
		return fault.problems
	}
	return []config.Problem{cfg.Fault(path, err.Error())}
}

// newClients makes every configured provider; nothing runs yet.
func newClients(cfg *config.Config, h *providers.House) ([]provider, error) {
	var clients []provider
	var faults []config.Problem
	for i, p := range cfg.Providers {
		c, err := newClient(cfg, h, i, p)
		if err != nil {
			faults = append(faults, faultsOf(err, cfg, fmt.Sprintf("providers[%d]", i))...)
			continue
		}
		clients = append(clients, c)
	}
	if faults = append(faults, append(checkRouters(cfg, clients), checkExclusions(cfg, clients)...)...); len(faults) > 0 {
		return nil, configFault{faults}
	}
	return clients, nil
}

func newClient(cfg *config.Config, h *providers.House, n int, p config.Provider) (provider, error) {
	c := provider{Provider: p, n: n}
	if p.Kind == config.KindHTTP {
		known := providerConfig(p)
		known.House, known.Clock, known.Log, known.Metrics = h, h.Clock, h.Log.With("provider", p.Name), h.Metrics
		made, err := httpcall.New(known)
		c.p = made
		return c, err
	}
	system, ok := systemOf(p.Kind)
	if !ok || system.New == nil {
		return c, configFault{[]config.Problem{cfg.Fault(c.at()+".kind", "no such provider can be a client of; known: "+kinds(func(s providers.System) bool { return s.New != nil }))}}
	}
	made, err := system.New(h, p.Name, p.Settings)
	if err != nil {
		return c, configFault{p.Settings.Faults(c.at(), err)}
	}
	c.system, c.p = system, made
	return c, c.check(cfg)
}

// check is what the configuration lacks for what the provider can do.
func (c provider) check(cfg *config.Config) error {
	can := c.p.Can()
	if !can.NoCalls && !can.Plays && !can.Joins && (c.Trunk == "" || c.Extension == "") {
		return configFault{[]config.Problem{cfg.Fault(c.at(), "this provider brings its calls to our user agent; set trunk, over which it rings us, and extension, which it rings")}}
	}
	return nil
}

// kinds lists the systems that can do something, for people.
func kinds(can func(providers.System) bool) string {
	list := config.KindHTTP
	for _, s := range systems() {
		if can(s) {
			list += ", " + s.Kind
		}
	}
	return list
}

// originators are the clients as the engine knows them.
func (d *daemon) originators() []engine.Provider {
	out := make([]engine.Provider, 0, len(d.clients))
	for _, c := range d.clients {
		can := c.p.Can()
		if can.NoCalls {
			continue
		}
		one := engine.Provider{Name: c.Name, Account: c.Account, Originator: c.p, Trunk: c.Trunk, Extension: c.Extension, Numbers: c.Numbers,
			Plays: can.Plays, Joins: can.Joins, ClientFirst: can.ClientFirst, MatchCaller: c.MatchCaller || can.MatchCaller, MatchHeader: cmp.Or(c.MatchHeader, can.MatchHeader), Ready: engine.Ready(cmp.Or(c.Ready, string(can.Ready), string(engine.ReadyAnswer))),
			ExpectTimeout: c.ExpectTimeout.Duration(), ReportTimeout: c.ReportTimeout.Duration()}
		if chooser, ok := c.p.(providers.Chooser); ok {
			one.Unfit, one.Attention = chooser.Unfit, chooser.NeedsPeople()
		}
		out = append(out, one)
	}
	return out
}

// startClients adds the providers that have a life of their own to the parts.
func (d *daemon) startClients(context.Context) error {
	for _, c := range d.clients {
		if s, ok := c.p.(providers.Service); ok {
			d.add("provider "+c.Name, s.Start, s.Stop)
		}
	}
	return nil
}

// sinks are the dialects of the systems, with everything they say in the journal.
func (d *daemon) sinks() (list []outbox.Sink) {
	for _, s := range systems() {
		if s.Sinks == nil {
			continue
		}
		for _, sink := range s.Sinks(d.house) {
			list = append(list, d.house.JournalledSink(sink))
		}
	}
	return list
}

// newFacades makes the configured facades: those under /compat/ and those at
// listeners of their own.
func newFacades(cfg *config.Config, h *providers.House) (mounts api.Mounts, err error) {
	mounts.Facades = map[string]http.Handler{}
	var faults []config.Problem
	for i, f := range cfg.Facades {
		at := fmt.Sprintf("facades[%d]", i)
		system, ok := systemOf(f.Kind)
		if !ok || system.Facade == nil {
			faults = append(faults, cfg.Fault(at+".kind", "there is no facade of this kind; known: "+kinds(func(s providers.System) bool { return s.Facade != nil })))
			continue
		}
		handler, err := system.Facade(h, f.Settings)
		if err != nil {
			faults = append(faults, f.Settings.Faults(at, err)...)
			continue
		}
		handler = h.Journalled(f.Kind, "", handler)
		if f.Listen == "" {
			mounts.Facades[f.Kind] = handler
			continue
		}
		mounts.Listeners = append(mounts.Listeners, api.Listener{Kind: f.Kind, Listen: f.Listen, Handler: handler,
			TLS: api.TLS{Cert: f.TLS.Cert, Key: f.TLS.Key, ClientCA: f.TLS.ClientCA}})
	}
	if len(faults) > 0 {
		return mounts, configFault{faults}
	}
	return mounts, nil
}

// intakes are where the callbacks of providers come in.
func (d *daemon) intakes() (list []api.Intake) {
	for _, c := range d.clients {
		in, ok := c.p.(providers.Intake)
		secret := c.Intake.Secret.Reveal()
		if secret == "" || !ok {
			continue
		}
		from := make([]netip.Prefix, 0, len(c.Intake.AllowFrom))
		list = append(list, api.Intake{Name: c.Name, Secret: secret, AllowFrom: append(from, prefixes(c.Intake.AllowFrom)...),
			Handler: d.house.Journalled(c.Kind, c.Name, in.Intake(), secret)})
	}
	return list
}

// keyForms are the kinds of facades that have keys of their own.
func (d *daemon) keyForms() map[string]api.KeyForm {
	forms := map[string]api.KeyForm{}
	for _, s := range systems() {
		if s.Facade != nil && s.Keys.Signed {
			forms[s.Kind] = api.KeyForm{Public: s.Keys.Public, Secret: s.Keys.Secret, Extra: s.Keys.Extra,
				Events: s.Sinks != nil && slices.ContainsFunc(s.Sinks(d.house), func(k outbox.Sink) bool { return k.Kind() == s.Kind })}
		}
	}
	return forms
}
