package config

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

func checkProviders(cfg *Config, r *report) {
	for i, p := range cfg.Providers {
		at := element("providers", i)
		r.name(join(at, "name"), p.Name)
		r.name(join(at, "kind"), p.Kind) // which kinds there are, the binary knows
		r.account(cfg, join(at, "account"), p.Account)
		if p.Kind == KindHTTP {
			checkTemplates(p, at, r)
		} else {
			checkForeign(p, at, r)
		}
		if p.Trunk != "" {
			r.trunk(cfg, join(at, "trunk"), p.Trunk)
			if of := cfg.AccountOfTrunk(p.Trunk); of != "" && p.Account != "" && of != p.Account {
				r.bad(join(at, "account"), "the trunk %q is of account %q; the provider cannot be of another", p.Trunk, of)
			}
		}
		if p.Extension != "" || p.Kind == KindHTTP {
			r.userPart(join(at, "extension"), p.Extension)
		}
		r.numbers(join(at, "numbers"), p.Numbers)
		if p.MatchHeader != "" && !headerName(p.MatchHeader) {
			r.bad(join(at, "match_header"), "the name of a header has only letters, digits and -")
		}
		if p.Ready != "" {
			r.oneOf(join(at, "ready"), p.Ready, "answer", "first_audio", "event")
		}
		r.between(join(at, "expect_timeout"), p.ExpectTimeout, 5*time.Second, 10*time.Minute)
		if p.MaxCalls < 0 || p.MaxCalls > 30000 {
			r.bad(join(at, "max_calls"), "%d is outside 0 to 30000 (0 is no limit)", p.MaxCalls)
		}
		if p.MaxCPS < 0 || p.MaxCPS > 1000 {
			r.bad(join(at, "max_cps"), "%g is outside 0 to 1000 (0 is no limit)", p.MaxCPS)
		}
		if p.ReportTimeout != 0 {
			r.between(join(at, "report_timeout"), p.ReportTimeout, time.Minute, 24*time.Hour)
		}
		if s := p.Intake.Secret.Reveal(); s != "" && !intakeSecret.MatchString(s) {
			r.bad(join(at, "intake.secret"), "stands in an address: write 16 to 128 letters, digits, - and _; openssl rand -hex 24 makes one")
		} else if s == "" && len(p.Intake.AllowFrom) > 0 {
			r.bad(join(at, "intake"), "without a secret nothing is taken in; set secret too")
		}
	}
	unique(r, "providers", cfg.Providers, "name", func(p Provider) string { return p.Name })
	checkFacades(cfg, r)
}

// intakeSecret is what stands in the address of callbacks.
var intakeSecret = regexp.MustCompile(`^[A-Za-z0-9_\-]{16,128}$`)

// checkTemplates judges what describes a provider of the kind http.
func checkTemplates(p Provider, at string, r *report) {
	checkProviderURL(p.URL.Reveal(), join(at, "url"), r)
	if r.oneOf(join(at, "method"), p.Method, "POST", "PUT", "GET") && p.Method == "GET" && p.Body != "" {
		r.bad(join(at, "body"), "a GET has no body; put the fields into url, or use POST")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		if !headerName(name) || !calls.Printable(p.Headers[name].Reveal()) {
			r.bad(join(at, "headers."+name), "the name of a header has only letters, digits and -, and its value no control characters")
		}
	}
	if p.Success.Path == "" && p.Success.Equals != "" {
		r.bad(join(at, "success"), "equals is compared with the value at path; set path too")
	}
	if p.Trunk == "" {
		r.bad(at, "the trunk over which the provider rings us is missing; set trunk")
	}
	r.between(join(at, "timeout"), p.Timeout, time.Second, time.Minute)
	if p.Settings.Given() {
		r.bad(join(at, "settings"), "a provider of the kind http has no settings; its keys stand beside kind")
	}
}

// checkForeign reports keys of the kind http at a provider of another.
func checkForeign(p Provider, at string, r *report) {
	for _, f := range []struct {
		key   string
		given bool
	}{
		{"url", p.URL != ""}, {"method", p.Method != "POST"}, {"headers", len(p.Headers) > 0}, {"body", p.Body != ""}, {"success", p.Success != Success{}},
		{"call_id", p.CallID != Path{}}, {"error", p.Error != Path{}}, {"timeout", p.Timeout.Duration() != defaultProviderTimeout},
	} {
		if f.given {
			r.bad(join(at, f.key), "this key belongs to the kind http; what the kind %s knows stands under settings", p.Kind)
		}
	}
}

func checkFacades(cfg *Config, r *report) {
	for i, f := range cfg.Facades {
		at := element("facades", i)
		r.name(join(at, "kind"), f.Kind)
		if f.Listen == "" {
			if f.TLS != (TLS{}) {
				r.bad(join(at, "tls"), "under /compat/ the TLS of http.listen is spoken; leave it out, or give the facade a listener of its own")
			}
			continue
		}
		r.tls(join(at, "tls"), f.TLS)
		if r.hostPort(join(at, "listen"), f.Listen) && !loopback(f.Listen) && !f.TLS.On() {
			r.bad(join(at, "listen"), "%s can be reached by others and there is no TLS; set tls.cert and tls.key, or listen on 127.0.0.1 behind a proxy that has it", f.Listen)
		}
		if f.Listen == cfg.HTTP.Listen || f.Listen == cfg.Admin.Listen {
			r.bad(join(at, "listen"), "another listener has this address; choose another, or leave it out")
		}
	}
	unique(r, "facades", cfg.Facades, "", func(f Facade) string { return f.Kind + " " + f.Listen })
	if by := cfg.Bot.Zvonobot; by != BotTrunk && by != BotProvider {
		r.bad("bot.zvonobot", "must be %s or %s", BotTrunk, BotProvider)
	}
	if n := cfg.Exchanges.Max; n < 0 || n > 1_000_000 {
		r.bad("exchanges.max", "%d is outside 0 to 1000000", n)
	}
}

// checkProviderURL looks at what is fixed of the template: scheme and host.
func checkProviderURL(s, path string, r *report) {
	scheme, rest, ok := strings.Cut(s, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	u, err := url.Parse(scheme + "://" + host)
	switch {
	case s == "":
		r.bad(path, "the address of the provider's API is needed, like https://pbx.example.com/api/callback")
	case !ok || scheme != "http" && scheme != "https" || err != nil || u.Hostname() == "" || strings.Contains(host, "{{"):
		r.bad(path, "must begin with http:// or https:// and a host that is written out")
	}
}

// headerName reports whether s is a field name (RFC 9110 5.6.2).
func headerName(s string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(marks, c)
	})
}
