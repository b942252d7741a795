package main

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"zvonar/internal/api"
	"zvonar/internal/calls"
	"zvonar/internal/config"
	"zvonar/internal/dialer"
	"zvonar/internal/engine"
	"zvonar/sip/trunk"
)

// reloadable are the keys of the configuration that SIGHUP reads anew; of log only
// the level.
var reloadable = []string{"trunks", "inbound", "tokens", "webhooks", "log"}

// hangUp is what SIGHUP asks for: everything that can be read anew is, and what
// cannot be read stays as it is.
func (d *daemon) hangUp(ctx context.Context, file string, env []string) {
	if err := d.ua.ReloadCertificates(); err != nil {
		d.log.Error("SIGHUP: the SIP certificate cannot be read; the former one stays in use", "error", err)
	}
	if err := useNumbering(d.cfg.Dialer); err != nil {
		d.log.Error("SIGHUP: the numbering plan or the holidays cannot be read; the former ones stay in use", "error", err)
	}
	cfg, problems := readConfig(file, env)
	if len(problems) > 0 {
		d.log.Error("SIGHUP: the configuration is not usable; the former one stays in use", "file", file, "error", config.Error(problems))
		return
	}
	if err := d.reload(ctx, cfg); err != nil && !errors.Is(err, context.Canceled) {
		d.log.Error("SIGHUP: the configuration could not be taken over", "error", err)
	}
}

// reload takes over what a configuration that was read anew says, without touching
// a call that runs. A trunk that is new is there before anything is dialled over
// it; one that is gone stays until nothing is.
func (d *daemon) reload(ctx context.Context, read *config.Config) error {
	usable := *read
	cfg := &usable
	cfg.SIP, cfg.Media, cfg.Accounts = d.cfg.SIP, d.cfg.Media, d.cfg.Accounts // as they are until the restart
	old, configs := d.live.Load(), trunkConfigs(cfg)
	if _, err := trunk.NewSet(configs); err != nil {
		return err
	}
	if err := api.SyncConfigTokens(ctx, d.store, d.clock, configTokens(cfg)); err != nil {
		return err
	}
	if err := d.hooks.EnsureConfigured(ctx, configHooks(cfg)); err != nil {
		return err
	}
	numbers, channels := d.trunkUse(cfg)
	d.live.Store(cfg)
	d.engine.Reload(numbers, d.routes(cfg))
	change, err := d.ua.Reload(withFormer(configs, trunkConfigs(old)))
	if err != nil {
		return err // it is stopping
	}
	d.dialer.Reload(channels)
	last, err := d.ua.Reload(configs)
	if err != nil {
		return err
	}
	if c, ok := d.log.Handler().(*closer); ok {
		c.level.Set(levelOf(cfg.Log))
	}
	d.log.Info("the configuration was read anew", "trunks_new", namesOf(change.New), "trunks_gone", namesOf(append(change.Gone, last.Gone...)))
	if waits := waitsForRestart(d.cfg, read); len(waits) > 0 {
		d.log.Warn("these keys have changed and are read at start only; restart to change them", "keys", strings.Join(waits, ", "))
	}
	return nil
}

// withFormer adds the trunks of before that the new ones lack.
func withFormer(now, before []trunk.Config) []trunk.Config {
	out := slices.Clone(now)
	for _, b := range before {
		if !slices.ContainsFunc(now, func(c trunk.Config) bool { return c.Name == b.Name }) {
			out = append(out, b)
		}
	}
	return out
}

func namesOf(list []*trunk.Trunk) string {
	var names []string
	for _, t := range list {
		names = append(names, t.Name)
	}
	return strings.Join(names, ",")
}

// waitsForRestart are the keys that differ from those at the start and are not
// taken over.
func waitsForRestart(old, now *config.Config) (keys []string) {
	was, is := reflect.ValueOf(old.Comparable()).Elem(), reflect.ValueOf(now.Comparable()).Elem()
	for i := range was.NumField() {
		key, _, _ := strings.Cut(was.Type().Field(i).Tag.Get("yaml"), ",")
		if key != "" && !slices.Contains(reloadable, key) && !reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			keys = append(keys, key)
		}
	}
	if old.Log.Format != now.Log.Format {
		keys = append(keys, "log.format")
	}
	return keys
}

// levelOf is the configured level of the log.
func levelOf(cfg config.Log) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		return slog.LevelInfo // the configuration was checked; this is for tests
	}
	return level
}

func configTokens(cfg *config.Config) []api.ConfigToken {
	tokens := make([]api.ConfigToken, 0, len(cfg.Tokens))
	for _, t := range cfg.Tokens {
		tokens = append(tokens, api.ConfigToken{Name: t.Name, Token: t.Token.Reveal(), Roles: t.Roles, Account: t.Account, AllowFrom: networks(t.AllowFrom)})
	}
	return tokens
}

func configHooks(cfg *config.Config) []calls.Webhook {
	hooks := make([]calls.Webhook, 0, len(cfg.Webhooks))
	for _, w := range cfg.Webhooks {
		hooks = append(hooks, calls.Webhook{Account: w.Account, URL: w.URL, Secret: w.Secret.Reveal(), Types: w.Types, Kind: w.Kind, Settings: w.Settings})
	}
	return hooks
}

// trunkUse is what the engine and the dialer must know of the trunks.
func (d *daemon) trunkUse(cfg *config.Config) (numbers []engine.TrunkNumbers, channels []dialer.TrunkLimits) {
	for _, t := range cfg.Trunks {
		numbers = append(numbers, engine.TrunkNumbers{Name: t.Name, Numbers: t.Numbers, Account: t.Account, HangUpEarly: t.EarlyMedia == "hangup",
			Refers: t.Transfer == "refer"})
		channels = append(channels, dialer.TrunkLimits{Name: t.Name, Numbers: t.Numbers, MaxCalls: t.MaxCalls, MaxCPS: t.MaxCPS, Account: t.Account})
	}
	if len(d.cfg.SIP.ChallengeFrom) > 0 { // the telephones of employees
		numbers = append(numbers, engine.TrunkNumbers{Name: calls.SoftphoneTrunk})
		channels = append(channels, dialer.TrunkLimits{Name: calls.SoftphoneTrunk, Named: true})
	}
	for _, p := range d.cfg.Providers { // what they carry without us
		channels = append(channels, dialer.TrunkLimits{Name: engine.ProviderLane(p.Name), Numbers: p.Numbers, MaxCalls: p.MaxCalls, MaxCPS: p.MaxCPS, Account: p.Account, Named: true})
	}
	return numbers, channels
}
