package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

func checkProviders(cfg *Config, r *report) {
	for i, p := range cfg.Providers {
		at := element("providers", i)
		r.name(join(at, "name"), p.Name)
		r.oneOf(join(at, "kind"), p.Kind, "http")
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
		} else {
			r.trunk(cfg, join(at, "trunk"), p.Trunk)
		}
		r.userPart(join(at, "extension"), p.Extension)
		r.oneOf(join(at, "ready"), p.Ready, "answer", "first_audio")
		r.between(join(at, "expect_timeout"), p.ExpectTimeout, 5*time.Second, 10*time.Minute)
		r.between(join(at, "timeout"), p.Timeout, time.Second, time.Minute)
	}
	unique(r, "providers", cfg.Providers, "name", func(p Provider) string { return p.Name })
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
