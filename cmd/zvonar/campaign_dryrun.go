package main

import (
	"context"
	"strings"

	"zvonar/internal/client"
	"zvonar/internal/config"
	"zvonar/internal/demo"
)

type campaignDryRunCmd struct {
	campaignID
	Contacts int      `help:"With at most so many of the contacts that wait (default ${default})." default:"100" placeholder:"N"`
	Mix      []string `help:"How callees behave in turn, by suffixes of the carrier's magic numbers (docs/test-carrier.md)." placeholder:"SUFFIX"`
	Country  []string `help:"Countries whose numbers may be called (default ${default})." default:"RU" placeholder:"ISO"`
	LogLevel string   `help:"What of the daemon's log is shown: debug, info, warn, error." default:"error" enum:"debug,info,warn,error" placeholder:"LEVEL"`
}

// Run plays a campaign against the test carrier.
func (c *campaignDryRunCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	mix := c.Mix
	if len(mix) == 0 {
		mix = demo.Mix()
	}
	if !c.JSON {
		if err := a.say("nobody is rung: a daemon of its own on loopback calls the test carrier (%s)", strings.Join(mix, ", ")); err != nil {
			return err
		}
	}
	bar := &campaignBar{app: a}
	m, err := demo.Rehearse(ctx, demo.Config{Start: startDemoSystem, Log: newLogger(config.Log{Level: c.LogLevel, Format: "text"}, a.stderr)},
		demo.Rehearsal{From: remote, Campaign: c.ID, Contacts: c.Contacts, Countries: c.Country, Mix: mix, Told: func(m client.Campaign) {
			if !c.JSON {
				_ = bar.show(m) // what cannot be written now is found below
			}
		}})
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(m)
	}
	bar.wipe()
	return statusOf(a, m)
}
