package main

import (
	"context"
	"errors"

	"zvonar/internal/calls"
	"zvonar/internal/store"
	"zvonar/sip/registrar"
)

// buildRegistrar makes who may register with us; nil where nobody may.
func (d *daemon) buildRegistrar() *registrar.Registrar {
	if len(d.cfg.SIP.ChallengeFrom) == 0 {
		return nil
	}
	fixed := map[string]registrar.User{}
	for _, u := range d.cfg.SIP.Users {
		account := u.Account
		if account == "" {
			account = calls.MainAccount
		}
		fixed[u.Name] = registrar.User{Name: u.Name, Account: account, HA1: registrar.HashOf(u.Name, calls.SIPRealm, u.Password.Reveal())}
	}
	bounds := d.cfg.SIP.Registrar
	r := registrar.New(registrar.Config{Realm: calls.SIPRealm, Store: bindings{d.store, d.cfg.Node}, From: prefixes(d.cfg.SIP.ChallengeFrom),
		Least: bounds.Least.Duration(), Most: bounds.Most.Duration(), MaxContacts: bounds.Contacts, Clock: d.clock,
		Users: func(ctx context.Context, name string) (registrar.User, bool, error) {
			if u, ok := fixed[name]; ok {
				return u, true, nil
			}
			return employee(ctx, d.store, name)
		}})
	d.registrar = r
	d.add("contacts of before", r.Restore, nil)
	return r
}

// employee finds whose softphone registers by a name.
func employee(ctx context.Context, s *store.Store, name string) (u registrar.User, ok bool, err error) {
	err = s.View(ctx, func(tx calls.ReadTx) error {
		e, err := tx.EmployeeBySIPUser(name)
		if errors.Is(err, calls.ErrNotFound) {
			return nil
		}
		if err == nil {
			u, ok = registrar.User{Name: name, Account: e.Account, HA1: registrar.HA1{MD5: e.HA1, SHA256: e.HA1SHA256}}, true
		}
		return err
	})
	return u, ok, err
}

// bindings are the contacts of this node in the store.
type bindings struct {
	store *store.Store
	node  string
}

// Save implements registrar.Store.
func (b bindings) Save(ctx context.Context, user string, list []calls.SIPBinding) error {
	return b.store.Update(ctx, func(tx calls.Tx) error { return tx.SetSIPBindings(b.node, user, list) })
}

// Load implements registrar.Store.
func (b bindings) Load(ctx context.Context) (list []calls.SIPBinding, err error) {
	err = b.store.View(ctx, func(tx calls.ReadTx) error {
		rows, err := tx.SIPBindings(b.node)
		list = nil
		for _, r := range rows {
			list = append(list, *r)
		}
		return err
	})
	return list, err
}

// softphone reports whether the telephone of an employee is registered now.
func (d *daemon) softphone(sipUser string) bool {
	return d.registrar != nil && len(d.registrar.Contacts(sipUser)) > 0
}
