package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"zvonar/internal/api"
	"zvonar/internal/calls"
	"zvonar/internal/config"
	"zvonar/providers"
)

// console lets people try the configured providers and facades.
type console struct {
	d       *daemon
	facades map[string]http.Handler // by kind, wherever they are mounted
}

// compat begins the names of facades in the console.
const compat = "compat:"

func newConsole(d *daemon, mounts api.Mounts) console {
	c := console{d: d, facades: maps.Clone(mounts.Facades)}
	for _, l := range mounts.Listeners {
		c.facades[l.Kind] = l.Handler
	}
	return c
}

// client finds a configured provider that an account may see.
func (c console) client(account, name string) (provider, error) {
	for _, p := range c.d.clients {
		if of := c.d.accountOfProvider(p.Provider); p.Name == name && (of == "" || of == account || account == calls.MainAccount) {
			return p, nil
		}
	}
	return provider{}, calls.ErrNotFound
}

// facade finds a mounted facade and its system.
func (c console) facade(name string) (providers.System, http.Handler, error) {
	kind, is := strings.CutPrefix(name, compat)
	if h := c.facades[kind]; is && h != nil {
		system, _ := systemOf(kind)
		return system, h, nil
	}
	return providers.System{}, nil, calls.ErrNotFound
}

// List implements api.Console.
func (c console) List(account string) (list []api.ProviderView) {
	for _, p := range c.d.clients {
		if _, err := c.client(account, p.Name); err != nil {
			continue
		}
		v := api.ProviderView{Name: p.Name, Kind: p.Kind, Role: "client", Can: abilities(p), Trunk: p.Trunk}
		if of := c.d.accountOfProvider(p.Provider); of != "" {
			v.Account = &of
		}
		if secret := p.Intake.Secret.Reveal(); secret != "" {
			v.Address = strings.Replace(c.d.intakeURL(p.Name), secret, p.Intake.Secret.String(), 1)
		}
		v.Summary = c.summary(account, calls.ExchangeFilter{Provider: p.Name})
		list = append(list, v)
	}
	for _, f := range c.d.cfg.Facades {
		address := strings.TrimRight(c.d.cfg.HTTP.PublicURL, "/") + "/compat/" + f.Kind + "/"
		if f.Listen != "" {
			address = f.Listen
		}
		list = append(list, api.ProviderView{Name: compat + f.Kind, Kind: f.Kind, Role: "facade", Can: []string{"test"}, Address: address,
			Summary: c.summary(account, calls.ExchangeFilter{Kind: f.Kind, Facades: true})})
	}
	return list
}

// abilities are what a provider's folder implements.
func abilities(p provider) []string {
	can := p.p.Can()
	_, cancel := p.p.(providers.Canceler)
	_, follow := p.p.(providers.Follower)
	_, intake := p.p.(providers.Intake)
	_, route := p.p.(providers.Router)
	_, subscribe := p.p.(providers.Subscriber)
	_, test := p.p.(providers.Tester)
	_, sign := p.p.(providers.Signer)
	list := []string{}
	for _, a := range []struct {
		name string
		has  bool
	}{{"plays", can.Plays}, {"joins", can.Joins}, {"cancel", cancel}, {"follow", follow}, {"intake", intake}, {"route", route}, {"subscribe", subscribe}, {"test", test}, {"sign", sign}} {
		if a.has {
			list = append(list, a.name)
		}
	}
	return list
}

// summary says what was said last.
func (c console) summary(account string, f calls.ExchangeFilter) string {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	f.Account, f.Unowned, f.Limit = account, account == calls.MainAccount, 1
	var last []calls.Exchange
	err := c.d.store.View(ctx, func(tx calls.ReadTx) (err error) {
		last, err = tx.Exchanges(f)
		return err
	})
	switch {
	case err != nil:
		return "its journal cannot be read now"
	case len(last) == 0:
		return "nothing was said yet, or the journal was cleared"
	}
	x := last[0]
	what := cmp.Or(x.Fault, fmt.Sprintf("answered %d", x.Status))
	return fmt.Sprintf("last at %s: %s, %s", x.At.UTC().Format("2006-01-02 15:04:05"), cmp.Or(x.Method, "a request"), what)
}

// Samples implements api.Console.
func (c console) Samples(account, name string) ([]api.SampleView, error) {
	p, err := c.client(account, name)
	system, outgoing := p.system, true
	if err != nil {
		if system, _, err = c.facade(name); err != nil {
			return nil, err
		}
		outgoing = false
	}
	var list []api.SampleView
	for _, s := range system.Console {
		if s.Outgoing == outgoing {
			list = append(list, api.SampleView{Method: s.Method, Direction: map[bool]string{true: "out", false: "in"}[s.Outgoing], Title: s.Title, Body: s.Body})
		}
	}
	return list, nil
}

// Test implements api.Console.
func (c console) Test(ctx context.Context, account, name, method string, header map[string]string, body []byte) (*api.TestAnswer, error) {
	ctx = providers.Labelled(ctx, providers.Label{Account: account, Method: method, Test: true})
	p, err := c.client(account, name)
	if err != nil {
		_, h, err := c.facade(name)
		if err != nil {
			return nil, err
		}
		return askFacade(ctx, h, method, header, body)
	}
	if err := c.mayUse(account, p); err != nil {
		return nil, err
	}
	tester, ok := p.p.(providers.Tester)
	if !ok {
		return nil, calls.Errorf(calls.CodeWrongState, "a provider of the kind %s cannot be tried; place a call with it instead", p.Kind)
	}
	a, err := tester.Test(ctx, method, body)
	var known *calls.Error
	switch {
	case errors.As(err, &known):
		return nil, err
	case err != nil:
		return nil, calls.Errorf(calls.CodeWrongState, "no answer came: %s", err)
	}
	out := &api.TestAnswer{Status: a.Status, Header: map[string]string{}, Body: providers.Mask(strings.ToValidUTF8(string(a.Body), "\uFFFD"))}
	for key := range a.Header {
		out.Header[key] = providers.Mask(a.Header.Get(key))
	}
	return out, nil
}

// askFacade has a facade answer a request as if it had come over the network.
func askFacade(ctx context.Context, h http.Handler, path string, header map[string]string, body []byte) (*api.TestAnswer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://facade/"+strings.TrimLeft(path, "/"), bytes.NewReader(body))
	if err != nil {
		return nil, calls.Errorf(calls.CodeInvalidField, "is no path").At("body.method", path)
	}
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	r.Header.Set("Content-Type", guessType(body))
	if len(body) == 0 {
		r.Method = http.MethodGet
	}
	for key, value := range header {
		r.Header.Set(key, value)
	}
	w := &facadeAnswer{header: http.Header{}}
	h.ServeHTTP(w, r)
	out := &api.TestAnswer{Status: cmp.Or(w.code, http.StatusOK), Header: map[string]string{}, Body: strings.ToValidUTF8(w.body.String(), "\uFFFD")}
	for key := range w.header {
		out.Header[key] = w.header.Get(key)
	}
	return out, nil
}

// guessType is how a body is sent where nobody said.
func guessType(body []byte) string {
	switch text := bytes.TrimSpace(body); {
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return "application/json"
	case bytes.HasPrefix(text, []byte("<")):
		return "application/xml"
	}
	return "application/x-www-form-urlencoded"
}

// facadeAnswer keeps an answer in memory.
type facadeAnswer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *facadeAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *facadeAnswer) WriteHeader(code int) { a.code = cmp.Or(a.code, code) }

// Write implements http.ResponseWriter; what is more than is shown is dropped.
func (a *facadeAnswer) Write(b []byte) (int, error) {
	a.body.Write(b[:min(len(b), max(providers.MaxAnswer-a.body.Len(), 0))])
	return len(b), nil
}

// Sign implements api.Console.
func (c console) Sign(account, name, method string, body []byte) ([]api.SignedView, error) {
	p, err := c.client(account, name)
	if err != nil {
		return nil, err
	}
	if err := c.mayUse(account, p); err != nil {
		return nil, err
	}
	signer, ok := p.p.(providers.Signer)
	if !ok {
		return nil, calls.Errorf(calls.CodeWrongState, "requests of the kind %s are not signed", p.Kind)
	}
	list, err := signer.Sign(method, body)
	if err != nil {
		return nil, calls.Errorf(calls.CodeInvalidField, "%s", err).At("body.body", nil)
	}
	out := make([]api.SignedView, 0, len(list))
	for _, s := range list {
		out = append(out, api.SignedView(s))
	}
	return out, nil
}

// Certificate implements api.Console: that of the listener to which the other side
// speaks.
func (c console) Certificate(account, name string) ([]byte, error) {
	file := c.d.cfg.HTTP.TLS.Cert
	if _, err := c.client(account, name); err != nil {
		if _, _, err := c.facade(name); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(c.d.cfg.Facades, func(f config.Facade) bool { return compat+f.Kind == name && f.TLS.Cert != "" })
		if i >= 0 {
			file = c.d.cfg.Facades[i].TLS.Cert
		}
	}
	if file == "" {
		return nil, calls.Errorf(calls.CodeWrongState, "our listener speaks no TLS itself; the certificate is that of the proxy before it")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("our certificate cannot be read: %w", err)
	}
	return data, nil
}

// MayChange implements api.Console: what is everybody's is main's to change.
func (c console) MayChange(account, name string) error {
	p, err := c.client(account, name)
	if err != nil {
		return err
	}
	if of := c.d.accountOfProvider(p.Provider); account != calls.MainAccount && of != account {
		return calls.ErrNotFound
	}
	return nil
}

// mayUse reports whether an account may have requests of its own sent, or signed, with
// the credentials of a provider: they pass none of the gates that calls pass, so with
// what is everybody's only main may.
func (c console) mayUse(account string, p provider) error {
	if of := c.d.accountOfProvider(p.Provider); account != calls.MainAccount && of != account {
		return calls.Errorf(calls.CodeForbidden, "this provider is everybody's: only the account %s tries it", calls.MainAccount)
	}
	return nil
}

// peers tell how a provider is spoken to now.
type peers struct{ d *daemon }

// Peer implements providers.Peers. Where the store cannot be asked, the settings hold.
func (p peers) Peer(name string) (peer providers.Peer) {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	err := p.d.store.View(ctx, func(tx calls.ReadTx) (err error) {
		if peer.Mode, err = tx.ProviderTLS(name); err != nil {
			return err
		}
		list, err := tx.ProviderCertificates(name)
		for _, c := range list {
			peer.Trust = append(peer.Trust, []byte(c.PEM))
		}
		return err
	})
	if err != nil {
		p.d.log.Warn("what was chosen for the TLS of a provider cannot be read; its settings hold", "provider", name, "error", err)
		return providers.Peer{}
	}
	return peer
}
