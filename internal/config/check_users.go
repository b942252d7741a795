package config

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

// registeredScheme begins the uri of a trunk that is whoever registered with us.
const registeredScheme = "registered:"

// The bounds of sip.users and sip.registrar.
const (
	maxSIPUser     = 64
	leastPassword  = 8
	maxSIPContacts = 100
)

// checkSIPUsers checks who may register.
func checkSIPUsers(cfg *Config, r *report) {
	for i, u := range cfg.SIP.Users {
		at := element("sip.users", i)
		switch {
		case u.Name == "" || len(u.Name) > maxSIPUser || !calls.Printable(u.Name) || strings.ContainsAny(u.Name, " @:;<>\"\\"):
			r.bad(join(at, "name"), "%s is no user name; write what stands before the @, at most %d bytes", quote(u.Name), maxSIPUser)
		case len(u.Password.Reveal()) < leastPassword:
			r.bad(join(at, "password"), "a SIP password is guessed by whole networks of machines; give it at least %d characters", leastPassword)
		}
		r.account(cfg, join(at, "account"), u.Account)
	}
	unique(r, "sip.users", cfg.SIP.Users, "name", func(u SIPUser) string { return u.Name })
	if len(cfg.SIP.Users) > 0 && len(cfg.SIP.ChallengeFrom) == 0 {
		r.bad("sip.challenge_from", "nobody can reach us to register; name the networks of sip.users, like [10.0.0.0/8]")
	}
	reg := cfg.SIP.Registrar
	r.between("sip.registrar.min", reg.Least, 10*time.Second, time.Hour)
	r.between("sip.registrar.max", reg.Most, time.Minute, 24*time.Hour)
	if reg.Most < reg.Least {
		r.bad("sip.registrar.max", "%s is shorter than min", reg.Most)
	}
	if reg.Contacts < 1 || reg.Contacts > maxSIPContacts {
		r.bad("sip.registrar.contacts", "%d is outside 1 to %d", reg.Contacts, maxSIPContacts)
	}
}

// registered checks a trunk that is whoever registered, or calls with a password.
func (r *report) registered(cfg *Config, at string, t Trunk) {
	known := func(path, name string) {
		var names []string
		for _, u := range cfg.SIP.Users {
			if names = append(names, u.Name); u.Name == name {
				return
			}
		}
		r.bad(path, "there is no user %s%s; add it to sip.users", quote(name), suggestion(name, names))
	}
	if name, ok := strings.CutPrefix(t.URI, registeredScheme); ok {
		if name != "*" {
			known(join(at, "uri"), name)
		}
		if t.Register || t.Proxy != "" {
			r.bad(join(at, "register"), "whoever registers with us is neither registered with nor reached by a proxy; remove register and outbound_proxy")
		}
	}
	if t.AuthInbound != "" {
		known(join(at, "auth_inbound"), t.AuthInbound)
	}
	if t.Name == calls.SoftphoneTrunk {
		r.bad(join(at, "name"), "%s are the telephones of employees; call the trunk something else", quote(t.Name))
	}
}
