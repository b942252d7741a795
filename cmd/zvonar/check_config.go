package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/config"
	"zvonar/internal/outbox"
	"zvonar/internal/store"
	"zvonar/providers"
	"zvonar/providers/httpcall"
	"zvonar/providers/httpsms"
	"zvonar/sip"
	"zvonar/sip/trunk"
)

// checkConfigCmd is `zvonar check-config`.
type checkConfigCmd struct {
	Config string `required:"" help:"Configuration to check." placeholder:"FILE"`
}

// Run tells every fault; nothing is started and nothing stays behind.
func (c *checkConfigCmd) Run(a *app) error {
	_, problems := readConfig(c.Config, a.env)
	for _, p := range problems {
		fmt.Fprintln(a.stderr, p.Detail())
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d fault(s) in %s", len(problems), c.Config)
	}
	_, err := fmt.Fprintf(a.stdout, "%s: no faults\n", c.Config)
	return err
}

// readConfig reads a configuration; without problems every room can use it.
func readConfig(file string, env []string) (*config.Config, []config.Problem) {
	cfg, problems := config.Load(file, env)
	if len(problems) == 0 {
		problems = checkRooms(cfg)
	}
	return cfg, problems
}

// checkRooms asks the rooms that have a language of their own in the
// configuration: templates of providers, addresses of trunks.
func checkRooms(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	if err := store.CheckURL(cfg.StoreURL()); err != nil {
		problems = append(problems, cfg.Fault("store", err.Error()))
	}
	house := bareHouse(cfg)
	if _, err := newClients(cfg, house); err != nil {
		problems = append(problems, faultsOf(err, cfg, "providers")...)
	}
	if _, err := newFacades(cfg, house); err != nil {
		problems = append(problems, faultsOf(err, cfg, "facades")...)
	}
	problems = append(problems, checkHooks(cfg, house)...)
	if cfg.SMS.Sender == "http" {
		if _, err := httpsms.New(senderConfig(cfg.SMS.HTTP)); err != nil {
			problems = append(problems, cfg.Fault("sms.http", err.Error()))
		}
	}
	if _, err := textReports(cfg.SMS.Reports); err != nil {
		problems = append(problems, cfg.Fault("sms.reports", err.Error()))
	}
	for i, t := range cfg.Trunks {
		for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
			if err := sip.CheckHeader(name); err != nil {
				problems = append(problems, cfg.Fault(fmt.Sprintf("trunks[%d].headers.%s", i, name), err.Error()))
			}
		}
		if strings.HasPrefix(t.URI, "registered:") {
			continue // whoever registers with us has no address to be read
		}
		if _, err := trunk.ParseURI(t.URI); err != nil {
			problems = append(problems, cfg.Fault(fmt.Sprintf("trunks[%d].uri", i), err.Error()))
			continue
		}
		if t.Proxy == "" {
			continue
		}
		if _, err := trunk.ParseURI(t.Proxy); err != nil {
			problems = append(problems, cfg.Fault(fmt.Sprintf("trunks[%d].outbound_proxy", i), err.Error()))
		}
	}
	return problems
}

// revealed are configured headers as they are sent.
func revealed(given map[string]config.Secret) map[string]string {
	headers := make(map[string]string, len(given))
	for name, value := range given {
		headers[name] = value.Reveal()
	}
	return headers
}

// providerConfig is a configured provider as httpcall knows it.
func providerConfig(p config.Provider) httpcall.Config {
	return httpcall.Config{Name: p.Name, URL: p.URL.Reveal(), Method: p.Method, Headers: revealed(p.Headers), Body: p.Body.Reveal(),
		SuccessPath: p.Success.Path, SuccessEquals: p.Success.Equals, CallIDPath: p.CallID.Path, ErrorPath: p.Error.Path,
		Timeout: p.Timeout.Duration()}
}

// senderConfig is the configured sender of texts as httpsms knows it.
func senderConfig(h config.SMSHTTP) httpsms.Config {
	return httpsms.Config{URL: h.URL.Reveal(), Method: h.Method, Headers: revealed(h.Headers), Body: h.Body.Reveal(), Statuses: h.Statuses,
		SuccessPath: h.Success.Path, SuccessEquals: h.Success.Equals, IDPath: h.ID.Path, ErrorPath: h.Error.Path, Timeout: h.Timeout.Duration()}
}

// textReports is the configured way of delivery reports; nil where there is none.
func textReports(r config.SMSReports) (*providers.TextReports, error) {
	if r.Secret == "" {
		return nil, nil
	}
	return providers.NewTextReports(providers.TextReports{ID: r.ID.Path, Status: r.Status.Path, Error: r.Error.Path,
		Delivered: r.Delivered, Failed: r.Failed})
}

// checkHooks has the sinks judge the destinations of the configuration.
func checkHooks(cfg *config.Config, house *providers.House) (problems []config.Problem) {
	for i, w := range configHooks(cfg) {
		if w.Kind == "" || w.Kind == calls.KindWebhook {
			continue
		}
		err := error(calls.Errorf(calls.CodeInvalidField, "there is no kind %q of destinations", w.Kind))
		for _, s := range systems() {
			if s.Sinks == nil {
				continue
			}
			for _, sink := range s.Sinks(house) {
				if sink.Kind() == w.Kind {
					err = outbox.CheckDestination(sink, &w)
				}
			}
		}
		var known *calls.Error
		switch {
		case errors.As(err, &known):
			problems = append(problems, cfg.Fault(fmt.Sprintf("webhooks[%d]", i), known.Detail))
		case err != nil:
			problems = append(problems, cfg.Fault(fmt.Sprintf("webhooks[%d]", i), err.Error()))
		}
	}
	return problems
}
