package config

import (
	"slices"
	"time"
)

// InboundRouter has the callers of a number looked up in an outside system before the
// call is answered.
type InboundRouter struct {
	Provider string   `yaml:"provider"` // a configured provider that knows whose caller somebody is; "": nobody is asked
	Budget   Duration `yaml:"budget"`   // how long a caller waits for it; 0: 1.5 s
	Except   []string `yaml:"except"`   // extensions to which nobody is redirected
	Fallback string   `yaml:"fallback"` // who is rung where nothing was learned; "": the flow runs
	Errors   int      `yaml:"errors"`   // failures in a row after which nobody is asked for a while; 0: 3
	Pause    Duration `yaml:"pause"`    // for how long; 0: 30 s
}

func checkInboundRouter(cfg *Config, r *report, at string, router InboundRouter) {
	if router.Provider == "" {
		if router.Fallback != "" || len(router.Except) > 0 {
			r.bad(at, "the provider that is asked is missing; set provider")
		}
		return
	}
	if !slices.ContainsFunc(cfg.Providers, func(p Provider) bool { return p.Name == router.Provider }) {
		r.bad(join(at, "provider"), "there is no provider %s; providers lists them", quote(router.Provider))
	}
	if router.Budget != 0 {
		r.between(join(at, "budget"), router.Budget, 100*time.Millisecond, 10*time.Second)
	}
	if router.Pause != 0 {
		r.between(join(at, "pause"), router.Pause, time.Second, time.Hour)
	}
	if router.Errors < 0 || router.Errors > 1000 {
		r.bad(join(at, "errors"), "%d is outside 0 to 1000", router.Errors)
	}
}
