package main

import (
	"fmt"

	"zvonar/internal/config"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// lookup is how the callers of a number are looked up; nil: they are not.
func (d *daemon) lookup(r config.InboundRouter) *engine.Lookup {
	for _, c := range d.clients {
		if router, ok := c.p.(providers.Router); ok && c.Name == r.Provider {
			return &engine.Lookup{Name: c.Name, Router: router, Budget: r.Budget.Duration(), Except: r.Except, Fallback: r.Fallback,
				Errors: r.Errors, Pause: r.Pause.Duration()}
		}
	}
	return nil
}

// checkRouters finds the routers of numbers that can tell nobody's callers.
func checkRouters(cfg *config.Config, clients []provider) (problems []config.Problem) {
	for i, in := range cfg.Inbound {
		for _, c := range clients {
			if c.Name != in.Router.Provider {
				continue
			}
			if _, ok := c.p.(providers.Router); !ok || !c.p.Can().Routes {
				problems = append(problems, cfg.Fault(fmt.Sprintf("inbound[%d].router.provider", i), "the provider cannot tell whose caller somebody is, as its settings are"))
			}
		}
	}
	return problems
}
