package config

import (
	"slices"

	"zvonar/internal/calls"
)

func checkAccounts(cfg *Config, r *report) {
	for i, name := range cfg.Accounts {
		r.name(element("accounts", i), name)
		if name == calls.MainAccount {
			r.bad(element("accounts", i), "the account main is always there; leave it out")
		}
	}
	unique(r, "accounts", cfg.Accounts, "", self)
	for i, t := range cfg.Tokens {
		r.account(cfg, join(element("tokens", i), "account"), t.Account)
	}
	for i, t := range cfg.Trunks {
		r.account(cfg, join(element("trunks", i), "account"), t.Account)
	}
	for i, w := range cfg.Webhooks {
		r.account(cfg, join(element("webhooks", i), "account"), w.Account)
	}
	for i, in := range cfg.Inbound {
		at := join(element("inbound", i), "account")
		r.account(cfg, at, in.Account)
		for _, t := range cfg.Trunks {
			if t.Name == in.Trunk && in.Trunk != "" && t.Account != "" && in.Account != "" && in.Account != t.Account {
				r.bad(at, "the trunk %q is of account %q; its calls cannot be of another", t.Name, t.Account)
			}
		}
	}
}

// account reports an account that is not there; "" is none in particular.
func (r *report) account(cfg *Config, path, name string) {
	if name == "" || name == calls.MainAccount || slices.Contains(cfg.Accounts, name) {
		return
	}
	r.bad(path, "there is no account %s%s; add it to accounts", quote(name), suggestion(name, append([]string{calls.MainAccount}, cfg.Accounts...)))
}

// AccountOfTrunk is whose trunk it is, "" where it is everybody's.
func (c *Config) AccountOfTrunk(name string) string {
	for _, t := range c.Trunks {
		if t.Name == name {
			return t.Account
		}
	}
	return ""
}
