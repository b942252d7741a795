package main

import (
	"fmt"

	"zvonar/internal/config"
	"zvonar/providers"
)

// excluded says which client of an account keeps a system of a kind out of it, and why;
// "": none does.
func excluded(clients []provider, account func(provider) string, of, kind string) string {
	for _, c := range clients {
		x, ok := c.p.(providers.Excluder)
		if whose := account(c); !ok || whose != of && whose != "" && of != "" {
			continue
		}
		if why := x.Excludes(kind); why != "" {
			return why
		}
	}
	return ""
}

// excludes is what the API asks before a destination of a kind is made.
func (d *daemon) excludes(account, kind string) string {
	return excluded(d.clients, func(c provider) string { return d.accountOfProvider(c.Provider) }, account, kind)
}

// checkExclusions finds providers that may not stand beside another one.
func checkExclusions(cfg *config.Config, clients []provider) (problems []config.Problem) {
	whose := func(c provider) string {
		if c.Account != "" {
			return c.Account
		}
		return cfg.AccountOfTrunk(c.Trunk)
	}
	for _, c := range clients {
		if why := excluded(clients, whose, whose(c), c.Kind); why != "" {
			problems = append(problems, cfg.Fault(fmt.Sprintf("providers[%d].kind", c.n), why))
		}
	}
	return problems
}
