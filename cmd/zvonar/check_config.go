package main

import (
	"fmt"

	"zvonar/internal/config"
	"zvonar/providers/httpcall"
	"zvonar/sip/trunk"
)

// checkConfigCmd is `zvonar check-config`.
type checkConfigCmd struct {
	Config string `required:"" help:"Configuration to check." placeholder:"FILE"`
}

// Run tells every fault; nothing is started and nothing stays behind.
func (c *checkConfigCmd) Run(a *app) error {
	cfg, problems := config.Load(c.Config, a.env)
	if len(problems) == 0 {
		problems = checkRooms(cfg)
	}
	for _, p := range problems {
		fmt.Fprintln(a.stderr, p.Detail())
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d fault(s) in %s", len(problems), c.Config)
	}
	_, err := fmt.Fprintf(a.stdout, "%s: no faults\n", c.Config)
	return err
}

// checkRooms asks the rooms that have a language of their own in the
// configuration: templates of providers, addresses of trunks.
func checkRooms(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	for i, p := range cfg.Providers {
		if _, err := httpcall.New(providerConfig(p)); err != nil {
			problems = append(problems, cfg.Fault(fmt.Sprintf("providers[%d]", i), err.Error()))
		}
	}
	for i, t := range cfg.Trunks {
		if _, err := trunk.ParseURI(t.URI); err != nil {
			problems = append(problems, cfg.Fault(fmt.Sprintf("trunks[%d].uri", i), err.Error()))
		}
	}
	return problems
}

// providerConfig is a configured provider as httpcall knows it.
func providerConfig(p config.Provider) httpcall.Config {
	headers := make(map[string]string, len(p.Headers))
	for name, value := range p.Headers {
		headers[name] = value.Reveal()
	}
	return httpcall.Config{Name: p.Name, URL: p.URL.Reveal(), Method: p.Method, Headers: headers, Body: p.Body.Reveal(),
		SuccessPath: p.Success.Path, SuccessEquals: p.Success.Equals, CallIDPath: p.CallID.Path, ErrorPath: p.Error.Path,
		Timeout: p.Timeout.Duration()}
}
