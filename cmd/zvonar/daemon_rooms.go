package main

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"zvonar/internal/api"
	"zvonar/internal/calls"
	"zvonar/internal/config"
	"zvonar/internal/dialer"
	"zvonar/internal/engine"
	"zvonar/internal/hearing"
	"zvonar/internal/numbering"
	"zvonar/internal/outbox"
	"zvonar/media"
	"zvonar/providers/httpsms"
	"zvonar/recordings"
	"zvonar/sip"
	"zvonar/sip/edge"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

func (d *daemon) buildTokens(ctx context.Context) error {
	if err := api.SyncConfigTokens(ctx, d.store, d.clock, configTokens(d.cfg)); err != nil {
		return err
	}
	path, err := api.EnsureFirstToken(ctx, d.store, api.FirstToken{Listen: d.cfg.HTTP.Listen, TLS: d.cfg.HTTP.TLS.On(),
		DataDir: d.cfg.DataDir, Clock: d.clock, IDs: d.ids})
	if err == nil && path != "" {
		d.log.Info("no token was configured: an administrator's token was written", "file", path)
	}
	return err
}

func (d *daemon) buildLibrary(context.Context) (err error) {
	d.clips, err = recordings.New(recordings.Config{Node: d.cfg.Node, Remote: d.sharedClips(), Store: d.store, Dir: filepath.Join(d.cfg.DataDir, "clips"),
		MinDuration: d.cfg.Recordings.MinDuration.Duration(), FirstID: d.cfg.Recordings.FirstID,
		FourEyes: d.cfg.Recordings.FourEyes, Approvals: d.cfg.Recordings.Approvals, Claim: d.cfg.Recordings.Claim.Duration(),
		Loudness: d.cfg.Recordings.Loudness, Speech: speechConfig(d.cfg.Recordings.TTS),
		Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "recordings"), Metrics: d.reg})
	if err == nil {
		d.reader, d.jobs = recordings.NewReader(d.clips), recordings.NewJobs(d.clips)
		d.add("recordings on their way in", d.jobs.Start, d.jobs.Stop)
	}
	return err
}

func speechConfig(c config.TTS) recordings.Speech {
	headers := map[string]string{}
	for name, value := range c.Headers {
		headers[name] = value.Reveal()
	}
	return recordings.Speech{Command: c.Command, URL: c.URL.Reveal(), Headers: headers, Timeout: c.Timeout.Duration(), Voices: map[string]string{
		"ru-male": c.Voices.RuMale, "ru-female": c.Voices.RuFemale, "en-male": c.Voices.EnMale, "en-female": c.Voices.EnFemale}}
}

func (d *daemon) buildLine(context.Context) (err error) {
	if d.trunks, err = trunk.NewSet(trunkConfigs(d.cfg)); err != nil {
		return err
	}
	d.media, err = media.NewEngine(media.Config{DSCP: d.cfg.Media.DSCP, IP: d.cfg.Media.IP, Advertise: d.cfg.Media.Advertise,
		PortMin: d.cfg.Media.Ports.Min, PortMax: d.cfg.Media.Ports.Max, Log: d.log.With("room", "media"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.ua, err = sip.New(sip.Config{Listen: d.cfg.SIP.Listen, Advertise: d.cfg.SIP.Advertise, UserAgent: d.cfg.SIP.UserAgent,
		TLS:    edge.TLSFiles{Cert: d.cfg.SIP.TLS.Cert, Key: d.cfg.SIP.TLS.Key, ClientCA: d.cfg.SIP.TLS.ClientCA},
		Trunks: d.trunks, Registrar: d.buildRegistrar(), TrunkChanged: d.trunkChanged, TrunkUsable: d.trunkUsable, Names: resolve.New(resolve.Config{Servers: d.cfg.SIP.NameServers(), Clock: d.clock}), Media: d.media, Admits: d.media.Admits, Ears: d.hearing.Ears, Tap: d.trace, DSCP: d.cfg.SIP.DSCP, Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "sip"), Metrics: d.reg,
		MediaTimeout: orNever(d.cfg.Media.DeadAir.Lost), NoMediaTimeout: orNever(d.cfg.Media.DeadAir.Never), HoldTimeout: d.cfg.Media.DeadAir.Held.Duration()})
	if err != nil {
		return err
	}
	d.add("media", d.media.Start, d.media.Stop)
	return nil
}

// orNever is a time-out of the user agent, where 0 is its default.
func orNever(d config.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d.Duration()
}

func prefixes(networks []config.Network) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(networks))
	for _, n := range networks {
		out = append(out, n.Prefix)
	}
	return out
}

// networks are prefixes as they are written.
func networks(list []config.Network) []string {
	out := make([]string, 0, len(list))
	for _, n := range list {
		out = append(out, n.String())
	}
	return out
}

// admits says why no call may be dialled now: what is due stays queued.
func (d *daemon) admits() error {
	if err := d.store.Failing(); err != nil {
		return err
	}
	return d.media.Admits()
}

func (d *daemon) buildCalls(context.Context) (err error) {
	rules := d.cfg.Dialer
	if err := useNumbering(rules); err != nil {
		return err
	}
	numbers, channels := d.trunkUse(d.cfg)
	d.dialer, err = dialer.New(dialer.Config{Store: d.store, Admits: d.admits, Clock: d.clock, Log: d.log.With("room", "dialer"), Metrics: d.reg,
		Trunks: channels, Window: rules.Window, Caps: rules.Caps(), Presets: rules.AllPresets(),
		TrunkBreaker: dialer.BreakerConfig{Errors: rules.Breaker.Trunk.Errors, Of: rules.Breaker.Trunk.Of,
			Pause: rules.Breaker.Trunk.Pause.Duration(), MostPause: rules.Breaker.Trunk.MostPause.Duration()},
		OnTrip:          func(campaign, reason string) { d.campaigns.Trip(campaign, reason) }, // made before anything starts
		CampaignBreaker: dialer.BreakerConfig{Errors: rules.Breaker.Campaign.Errors, Of: rules.Breaker.Campaign.Of},
		Texts:           d.reader, Zones: numbering.Zones, Country: numbering.Country, OpenAt: numbering.OpenAt})
	if err != nil {
		return err
	}
	audio := media.NewLibrary(clipCache, d.clips.LoadRef)
	judge := judge{clock: d.clock, profiles: profiles(d.cfg), countries: d.cfg.Dialer.Countries, book: d.hearing.Book}
	if d.cfg.AMD.Keep > 0 {
		judge.openings = d.openings
	}
	line := line{d.ua, audio, judge, d.captures, d.trace}
	d.engine, err = engine.New(engine.Config{Store: d.store, Admits: d.store.Failing, Line: line, Softphones: d.softphone, Clips: d.clips, Speech: d.clips, Takes: d.clips, Queue: d.dialer,
		Limits: limits{d.dialer.Limits()}, Nodes: d.store, Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "engine"), Metrics: d.reg,
		AMDProfiles: judge.profiles.Names(), Trunks: numbers, Routes: d.routes(d.cfg), Providers: d.originators(), Countries: rules.Countries, Retry: &rules.Retry, Presets: rules.AllPresets(),
		RingTimeout: d.cfg.Dialer.RingTimeout.Duration(), MaxDuration: d.cfg.Dialer.MaxDuration.Duration(),
		Callbacks: d.cfg.Dialer.Callbacks.Duration(), TextQueued: func() { d.texts.Kick() }, CaptureLinks: d.links}) // made before anything starts
	if err != nil {
		return err
	}
	d.house.Engine = d.engine
	d.dialer.Bind(starter{d.engine})
	d.ua.OnInvite(func(leg *sip.Leg, inv calls.Invite) {
		d.engine.Incoming(boundLeg{Leg: leg, line: line, invite: inv}, inv)
	})
	d.add("texts of calls", d.reader.Start, d.reader.Stop)
	d.add("user agent", d.ua.Start, d.ua.Stop)
	d.add("dialer", d.dialer.Start, nil) // stopped first of all, by Stop
	d.add("captures of before", d.recoverCaptures, nil)
	d.add("calls", d.engine.Start, nil)
	decisions := recordings.NewWatch(d.store, d.clock, d.log.With("room", "recordings"), d.engine.RecordingDecided)
	d.add("decisions on recordings", decisions.Start, decisions.Stop)
	return nil
}

func (d *daemon) routes(cfg *config.Config) []engine.Route {
	out := make([]engine.Route, 0, len(cfg.Inbound))
	for _, r := range cfg.Inbound {
		account := r.Account
		if account == "" {
			account = cfg.AccountOfTrunk(r.Trunk)
		}
		out = append(out, engine.Route{Number: r.Number, Trunk: r.Trunk, Flow: r.Flow, Account: account, Lookup: d.lookup(r.Router)})
	}
	return out
}

func (d *daemon) buildOutbox(ctx context.Context) (err error) {
	d.hooks, err = outbox.New(outbox.Config{Store: d.store, Lead: d.store.Lead, Clock: d.clock, IDs: d.ids, Client: d.house.Guarded, Trusted: d.house.Trusted, Sinks: d.sinks(),
		Log: d.log.With("room", "outbox"), Metrics: d.reg})
	if err != nil {
		return err
	}
	if err := d.hooks.EnsureConfigured(ctx, configHooks(d.cfg)); err != nil {
		return err
	}
	if d.texts, err = d.newTexts(); err != nil {
		return err
	}
	d.add("webhooks", d.hooks.Start, d.hooks.Stop)
	d.add("texts", d.texts.Start, d.texts.Stop)
	return nil
}

// newTexts makes the worker of texts with the configured sender.
func (d *daemon) newTexts() (*outbox.SMS, error) {
	log := d.log.With("room", "sms")
	var sender outbox.Sender = outbox.NewFileSender(filepath.Join(d.cfg.DataDir, "sms.jsonl"), d.clock)
	if d.cfg.SMS.Sender == "http" {
		known := senderConfig(d.cfg.SMS.HTTP)
		known.Clock, known.Log = d.clock, log
		var err error
		if sender, err = httpsms.New(known); err != nil {
			return nil, fmt.Errorf("sms.http: %w", err)
		}
	}
	return outbox.NewSMS(outbox.SMSConfig{Store: d.store, Held: d.store.Held, Clock: d.clock, IDs: d.ids, Sender: sender, Senders: d.cfg.SMS.HTTP.Parallel, Log: log, Metrics: d.reg})
}

// textCallback is how a service's delivery reports reach the texts; nil where
// none is configured.
func (d *daemon) textCallback() (*api.TextCallback, error) {
	r := d.cfg.SMS.Reports
	read, err := textReports(r)
	if read == nil || err != nil {
		return nil, err
	}
	return &api.TextCallback{Secret: r.Secret.Reveal(), OwnIDs: r.By == "zvonar", Read: func(contentType string, body []byte, query url.Values) (api.TextReport, error) {
		rep, err := read.Read(contentType, body, query)
		return api.TextReport(rep), err
	}}, nil
}

func (d *daemon) buildHTTP(context.Context) (err error) {
	callback, err := d.textCallback()
	if err != nil {
		return fmt.Errorf("sms.reports: %w", err)
	}
	mounts, err := newFacades(d.cfg, d.house)
	if err != nil {
		return err
	}
	mounts.Intakes = d.intakes()
	tls := d.cfg.HTTP.TLS
	d.api, err = api.New(api.Config{Listen: d.cfg.HTTP.Listen, TLS: api.TLS{Cert: tls.Cert, Key: tls.Key, ClientCA: tls.ClientCA},
		Version: version, Engine: d.engine, Store: d.store, Recordings: d.clips, Jobs: d.jobs, Fingerprints: d.hearing, Guard: d.guard, Trunks: d.trunkStatus,
		Accounts: d.cfg.Accounts, Captures: d.captures, Traces: traces{d.trace}, Eraser: d.eraser(), Evidence: &hearing.Evidence{Announcements: d.hearing, Kept: d.openings, Profiles: profiles(d.cfg)}, CaptureLinks: d.links, Texts: d.texts, TextCallback: callback, BotProvider: d.botProvider,
		MaxStreams: d.cfg.HTTP.Streams.Max, MaxTokenStreams: d.cfg.HTTP.Streams.PerToken, Campaigns: d.campaigns.Desk(), CheckHook: d.hooks.Check, Tries: tries{d.hooks},
		Console:       newConsole(d, mounts),
		Subscriptions: ownSubscriptions{d}, Mounts: mounts, KeyForms: d.keyForms(), Excludes: d.excludes, Country: countryOf(d.cfg), Countries: d.cfg.Dialer.Countries, Clock: d.clock, IDs: d.ids, Log: d.log.With("room", "api"), Metrics: d.reg})
	if err != nil {
		return err
	}
	d.house.Keys = d.api.FacadeKeys()
	admin := api.NewAdmin(api.AdminConfig{Listen: d.cfg.Admin.Listen, Gatherer: d.reg, Ready: d.ready, Note: d.note, Log: d.log.With("room", "admin")})
	d.add("admin listener", admin.Start, admin.Stop)
	d.add("API", d.api.Start, d.api.Stop)
	return nil
}
