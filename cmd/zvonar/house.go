package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/config"
	"zvonar/internal/egress"
	"zvonar/internal/numbering"
	"zvonar/providers"
	"zvonar/providers/zvonobot"
)

// buildHouse makes what providers' folders may use. What is built later (engine,
// campaigns, texts, keys) is filled in then: folders look only once they run.
func (d *daemon) buildHouse(context.Context) (err error) {
	if d.guard, err = egress.New(egress.Config{Allow: d.cfg.Egress.Allow}); err != nil {
		return err
	}
	journal := providers.NewStoreJournal(d.store, d.clock, d.log.With("room", "journal"), d.cfg.Exchanges.Keep.Duration(), d.cfg.Exchanges.Max, d.reg)
	d.house = &providers.House{Journal: journal, Peers: peers{d}, Store: d.store, Library: d.clips, Texts: ownTexts{d}, Links: d.links, Captures: ownCaptures{d},
		Guarded: d.guard.Client(), Trusted: egress.Trusted(), CheckURL: d.checkURL, TrunkNumbers: d.trunkNumbers,
		PublicURL: strings.TrimRight(d.cfg.HTTP.PublicURL, "/"), IntakeURL: d.intakeURL, ProviderOf: d.providerOf, AccountOf: d.accountNamed,
		Country: countryOf(d.cfg), Countries: d.cfg.Dialer.Countries, Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "providers"), Metrics: d.reg}
	d.clients, err = newClients(d.cfg, d.house)
	return err
}

// checkURL refuses addresses that came by API and lead where we do not speak to.
func (d *daemon) checkURL(ctx context.Context, rawURL string) error {
	err := d.guard.Check(ctx, rawURL)
	if err == nil || calls.CodeOf(err) == calls.CodeForbiddenURL {
		return err
	}
	return &calls.Error{Code: calls.CodeForbiddenURL, Detail: "this URL may not be used: " + err.Error(), Err: err}
}

// countryOf is that of numbers written without a code.
func countryOf(cfg *config.Config) string {
	if len(cfg.Dialer.Countries) == 0 {
		return ""
	}
	return cfg.Dialer.Countries[0]
}

// trunkNumbers are the caller numbers of the configuration that an account may show.
func (d *daemon) trunkNumbers(account string) (numbers []string) {
	for _, t := range d.live.Load().Trunks {
		if t.Account != "" && t.Account != account {
			continue
		}
		for _, n := range t.Numbers {
			if !slices.Contains(numbers, n) {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// intakeURL is where a provider calls us back; "": nowhere, or the path alone where
// nobody said how we are reached.
func (d *daemon) intakeURL(provider string) string {
	for _, p := range d.cfg.Providers {
		if p.Name == provider && p.Intake.Secret != "" {
			return strings.TrimRight(d.cfg.HTTP.PublicURL, "/") + "/intake/" + p.Name + "/" + p.Intake.Secret.Reveal()
		}
	}
	return ""
}

// providerOf is the provider of a kind that an account uses: its own, else one that
// is everybody's.
func (d *daemon) providerOf(account, kind string) string {
	for _, whose := range []string{account, ""} {
		for _, p := range d.cfg.Providers {
			if p.Kind == kind && d.accountOfProvider(p) == whose {
				return p.Name
			}
		}
	}
	return ""
}

// accountNamed is whose calls those of a configured provider are; "": everybody's.
func (d *daemon) accountNamed(provider string) string {
	for _, p := range d.cfg.Providers {
		if p.Name == provider {
			return d.accountOfProvider(p)
		}
	}
	return ""
}

// botProvider is the provider by which the bot functions of a kind call, or "".
func (d *daemon) botProvider(account, kind string) string {
	if kind == zvonobot.Kind && d.cfg.Bot.Zvonobot != config.BotProvider {
		return ""
	}
	return d.providerOf(account, kind)
}

// accountOfProvider is whose provider it is: as configured, or its trunk's; "":
// everybody's.
func (d *daemon) accountOfProvider(p config.Provider) string {
	if p.Account != "" {
		return p.Account
	}
	return d.cfg.AccountOfTrunk(p.Trunk)
}

// ownTexts sends texts that no call asked for.
type ownTexts struct{ d *daemon }

// Send implements providers.Texts: the text is durable when it returns.
func (t ownTexts) Send(ctx context.Context, account, from, to, text string) (string, error) {
	number, err := numbering.Normalize(to, countryOf(t.d.cfg))
	if err == nil {
		err = numbering.Allowed(number, t.d.cfg.Dialer.Countries)
	}
	if err != nil {
		return "", err
	}
	return t.d.texts.Queue(ctx, account, from, number, text)
}

// ownCaptures find the sound of an account's talks.
type ownCaptures struct{ d *daemon }

// Path implements providers.Captures.
func (c ownCaptures) Path(account, call string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	err := c.d.store.View(ctx, func(tx calls.ReadTx) error {
		_, err := tx.Call(account, call)
		return err
	})
	if err != nil {
		return "", err
	}
	file, err := c.d.captures.File(call)
	if errors.Is(err, fs.ErrNotExist) {
		return "", calls.ErrNotFound
	}
	return file, err
}

// storePatience bounds a look at the store that has no request behind it.
const storePatience = 5 * time.Second

// bareHouse is what folders get where nothing runs: enough to judge their settings.
func bareHouse(cfg *config.Config) *providers.House {
	nobody := func(string) string { return "" }
	return &providers.House{Guarded: http.DefaultClient, Trusted: http.DefaultClient, CheckURL: func(context.Context, string) error { return nil },
		TrunkNumbers: func(string) []string { return nil }, IntakeURL: nobody, ProviderOf: func(_, _ string) string { return "" }, AccountOf: nobody,
		PublicURL: strings.TrimRight(cfg.HTTP.PublicURL, "/"), Country: countryOf(cfg), Countries: cfg.Dialer.Countries,
		Clock: clock.System(), IDs: clock.NewIDs(clock.System(), nil), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()}
}
