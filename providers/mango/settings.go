package mango

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// settings are the keys of `settings:` of a provider of this kind.
type settings struct {
	URL  string `yaml:"url"` // with the path: …/vpbx/
	Key  string `yaml:"key"`
	Salt string `yaml:"salt"`
	// FromNumber takes the place of the telephones of the extension that is rung first:
	// sip:login@domain of the line that our trunk registers as; "": as the card says.
	FromNumber string `yaml:"from_number"`
	Line       string `yaml:"line"` // line_number where a call names no caller number; "": the employee's
	// OnBehalf is the extension in whose name numbers are rung first, in calls that the
	// PBX joins; "": they are refused.
	OnBehalf string `yaml:"on_behalf"`
	// AnswerAfter asks the telephone that rings first to answer by itself; "": it is not asked.
	AnswerAfter string         `yaml:"answer_after"`
	TLS         providers.TLS  `yaml:"tls"`
	Timeout     calls.Duration `yaml:"timeout"`
	// Sources are the networks that notices come from.
	Sources []string `yaml:"sources"`
	// BadRequests is how many answers 3xxx within two minutes are risked before the
	// client keeps silent itself; wrong keys and signatures silence it at once.
	BadRequests int `yaml:"bad_requests"`
	// Quiet is how long a call may have no leg before it is taken for over, where no
	// summary comes; Strangers how long a call that nobody named waits to turn out ours.
	Quiet     calls.Duration `yaml:"quiet"`
	Strangers calls.Duration `yaml:"strangers"`
	// Reconcile is after how long without a notice the statistics are asked what became
	// of a call that has no leg with us; 0: never.
	Reconcile calls.Duration `yaml:"reconcile"`
	// RecordLinks tells of recordings by links that the provider opens for RecordLife.
	RecordLinks bool           `yaml:"record_links"`
	RecordLife  calls.Duration `yaml:"record_life"`
	// RecordWait is how long after the end a recording may still be told of.
	RecordWait calls.Duration `yaml:"record_wait"`
	// Foreign has calls that nobody here asked for become calls of ours, too, of the
	// account.
	Foreign bool   `yaml:"foreign"`
	Account string `yaml:"account"`
}

// The published addresses, and from where notices come.
const defaultURL = "https://app.mango-office.ru/vpbx/"

var defaultSources = []string{"81.88.80.132/32", "81.88.80.133/32", "81.88.82.36/32", "81.88.82.44/32", "81.88.82.45/32"}

func defaults() settings {
	return settings{
		URL: defaultURL, Timeout: calls.Duration(10 * time.Second), Sources: defaultSources, BadRequests: 1,
		Quiet: calls.Duration(15 * time.Second), Strangers: calls.Duration(2 * time.Second), Reconcile: calls.Duration(3 * time.Minute),
		RecordLinks: true, RecordLife: calls.Duration(7 * 24 * time.Hour), RecordWait: calls.Duration(10 * time.Minute), Foreign: true, Account: calls.MainAccount,
	}
}

// check finds what is wrong; the error names the key.
func (s *settings) check() error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("url: write it like %s", defaultURL)
	}
	s.URL = strings.TrimRight(s.URL, "/") + "/"
	switch {
	case s.Key == "":
		return fmt.Errorf("key: it is missing; the cabinet shows it as the unique code of your PBX")
	case s.Salt == "":
		return fmt.Errorf("salt: it is missing; the cabinet shows it as the key for signatures")
	case s.BadRequests < 0:
		return fmt.Errorf("bad_requests: 0 or more")
	}
	for _, d := range []struct {
		key         string
		value       calls.Duration
		least, most time.Duration
	}{
		{"timeout", s.Timeout, time.Second, time.Minute},
		{"quiet", s.Quiet, time.Second, 10 * time.Minute},
		{"strangers", s.Strangers, 0, time.Minute},
		{"reconcile", s.Reconcile, 0, 24 * time.Hour},
		{"record_life", s.RecordLife, time.Minute, 10 * 365 * 24 * time.Hour},
		{"record_wait", s.RecordWait, 0, 24 * time.Hour},
	} {
		if v := time.Duration(d.value); v < d.least || v > d.most {
			return fmt.Errorf("%s: from %s to %s", d.key, d.least, d.most)
		}
	}
	_, err = networks(s.Sources)
	return err
}

// networks reads prefixes; a plain address is one of its own.
func networks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("sources: %q is no network; write it like 192.0.2.0/24", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// facadeSettings are the keys of `settings:` of the facade.
type facadeSettings struct {
	// ErrorStatus is the HTTP status of answers that bear an error of the dialect,
	// LimitStatus of those to requests that come too fast.
	ErrorStatus int `yaml:"error_status"`
	LimitStatus int `yaml:"limit_status"`
	// Limits and Penalty switch the dialect's rate limits and its silence after bad
	// requests off where false.
	Limits  bool `yaml:"limits"`
	Penalty bool `yaml:"penalty"`
	// StatsReady is how long statistics take, at the least; StatsKept how long they can be had.
	StatsReady calls.Duration `yaml:"stats_ready"`
	StatsKept  calls.Duration `yaml:"stats_kept"`
	// RepeatWindow is how long the same callback gives the answer of the first and rings
	// nobody, also once its call is over; 0: only while it is not over, by its command_id.
	RepeatWindow time.Duration `yaml:"repeat_window"`
	// RecordLinks lets recordings be had by signed links.
	RecordLinks bool `yaml:"record_links"`
	// Balance and Currency are what account/balance says.
	Balance  float64 `yaml:"balance"`
	Currency string  `yaml:"currency"`
	// Product is the number of the PBX in notices of recordings.
	Product int64 `yaml:"product"`
}

func facadeDefaults() facadeSettings {
	return facadeSettings{ErrorStatus: 200, LimitStatus: 429, Limits: true, Penalty: true,
		StatsKept: calls.Duration(10 * time.Minute), RepeatWindow: providers.RepeatWindow, RecordLinks: true, Currency: "RUB", Product: 1}
}

func (s facadeSettings) check() error {
	for key, status := range map[string]int{"error_status": s.ErrorStatus, "limit_status": s.LimitStatus} {
		if status < 200 || status > 599 {
			return fmt.Errorf("%s: an HTTP status from 200 to 599", key)
		}
	}
	if s.StatsReady < 0 || time.Duration(s.StatsKept) < time.Minute || time.Duration(s.StatsKept) > time.Hour {
		return fmt.Errorf("stats_ready and stats_kept: statistics are kept for 1m to 1h")
	}
	return providers.CheckRepeatWindow(s.RepeatWindow)
}
