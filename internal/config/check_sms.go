package config

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// reportSecret is what may be the last part of an address: enough of it not to
// be guessed, and nothing that would have to be escaped.
var reportSecret = regexp.MustCompile(`^[A-Za-z0-9_-]{24,128}$`)

func checkSMS(cfg *Config, r *report) {
	if r.oneOf("sms.sender", cfg.SMS.Sender, "file", "http") && cfg.SMS.Sender == "http" {
		checkSMSHTTP(cfg.SMS.HTTP, r)
	}
	rep := cfg.SMS.Reports
	if rep.Secret == "" {
		return
	}
	if !reportSecret.MatchString(rep.Secret.Reveal()) {
		r.bad("sms.reports.secret", "a secret of an address has 24 to 128 letters, digits, - and _; make one with: openssl rand -hex 24")
	}
	if rep.ID.Path == "" || rep.Status.Path == "" {
		r.bad("sms.reports", "id.path and status.path say where a report names its text and what became of it; set both")
	}
	r.oneOf("sms.reports.by", rep.By, "provider", "zvonar")
	if len(rep.Delivered) == 0 {
		r.bad("sms.reports.delivered", "no status would mean that a text was delivered; name at least one")
	}
	for i, word := range rep.Failed {
		if slices.Contains(rep.Delivered, word) {
			r.bad(element("sms.reports.failed", i), "%s cannot mean both delivered and failed", quote(word))
		}
	}
}

func checkSMSHTTP(h SMSHTTP, r *report) {
	checkProviderURL(h.URL.Reveal(), "sms.http.url", r)
	if r.oneOf("sms.http.method", h.Method, http.MethodPost, http.MethodPut, http.MethodGet) && h.Method == http.MethodGet && h.Body != "" {
		r.bad("sms.http.body", "a GET has no body; put the fields into url, or use POST")
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		if !headerName(name) || !calls.Printable(h.Headers[name].Reveal()) {
			r.bad("sms.http.headers."+name, "the name of a header has only letters, digits and -, and its value no control characters")
		}
	}
	for i, status := range h.Statuses {
		if status < 200 || status > 299 {
			r.bad(element("sms.http.statuses", i), "%d can never mean that a text was taken; name some of 200 to 299", status)
		}
	}
	if h.Success.Path == "" && h.Success.Equals != "" {
		r.bad("sms.http.success", "equals is compared with the value at path; set path too")
	}
	r.between("sms.http.timeout", h.Timeout, time.Second, 30*time.Second)
	if h.Parallel < 1 || h.Parallel > 64 {
		r.bad("sms.http.parallel", "%d is outside 1 to 64", h.Parallel)
	}
}
