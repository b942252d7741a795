package config

import (
	"net/url"
	"slices"

	"zvonar/internal/calls"
)

// Redacted is a copy that may be logged: every secret is "***", telephone
// numbers are masked, addresses of webhooks are cut to scheme and host.
func (c *Config) Redacted() *Config {
	d := *c
	if c.Store != embedded {
		d.Store = Secret(c.Store.String())
	}
	d.Tokens = slices.Clone(c.Tokens)
	for i := range d.Tokens {
		d.Tokens[i].Token = Secret(d.Tokens[i].Token.String())
	}
	d.Trunks = slices.Clone(c.Trunks)
	for i := range d.Trunks {
		t := &d.Trunks[i]
		t.Password = Secret(t.Password.String())
		t.Numbers = maskedNumbers(t.Numbers)
	}
	d.SIP.Users = slices.Clone(c.SIP.Users)
	for i := range d.SIP.Users {
		d.SIP.Users[i].Password = Secret(d.SIP.Users[i].Password.String())
	}
	d.Inbound = slices.Clone(c.Inbound)
	for i := range d.Inbound {
		d.Inbound[i].Number = calls.Mask(d.Inbound[i].Number)
		d.Inbound[i].Router.Fallback = calls.Mask(d.Inbound[i].Router.Fallback)
		d.Inbound[i].Flow = calls.Flow{Record: d.Inbound[i].Flow.Record} // digits hold numbers and texts
	}
	d.Webhooks = slices.Clone(c.Webhooks)
	for i := range d.Webhooks {
		w := &d.Webhooks[i]
		w.Secret, w.URL = Secret(w.Secret.String()), origin(w.URL)
	}
	d.Providers = slices.Clone(c.Providers)
	for i := range d.Providers {
		p := &d.Providers[i]
		p.URL, p.Body = Secret(p.URL.String()), Secret(p.Body.String())
		p.Headers = redactedHeaders(p.Headers)
		p.Intake.Secret = Secret(p.Intake.Secret.String())
		p.Numbers = maskedNumbers(p.Numbers)
	}
	h := &d.SMS.HTTP
	h.URL, h.Body, h.Headers = Secret(h.URL.String()), Secret(h.Body.String()), redactedHeaders(h.Headers)
	d.SMS.Reports.Secret = Secret(d.SMS.Reports.Secret.String())
	return &d
}

func redactedHeaders(given map[string]Secret) map[string]Secret {
	if given == nil {
		return nil
	}
	headers := map[string]Secret{}
	for name, value := range given {
		headers[name] = Secret(value.String())
	}
	return headers
}

// origin is scheme and host of a URL; paths of webhooks often hold keys.
func origin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func maskedNumbers(list []string) []string {
	list = slices.Clone(list)
	for i, n := range list {
		list[i] = calls.Mask(n)
	}
	return list
}
