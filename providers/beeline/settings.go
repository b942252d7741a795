package beeline

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// DefaultURL is the portal API of the provider.
const DefaultURL = "https://cloudpbx.beeline.ru/apis/portal"

// Settings are the keys of a configured provider of this kind; [defaults] has their
// values where they are left out.
type Settings struct {
	URL   string `yaml:"url"`
	Token string `yaml:"token"`
	// CallVersion is v1 or v2 of the call method; CallForm says where its number
	// stands: json or query.
	CallVersion string `yaml:"call_version"`
	CallForm    string `yaml:"call_form"`
	// Answers says what is rung first: phone (the telephone of the employee) or sip
	// (our user agent, registered as Subscriber; then we play to the client).
	Answers    string `yaml:"answers"`
	Subscriber string `yaml:"subscriber"`
	// Subscribe says for whom events are asked: employees (each one with this
	// provider and a subscriber), group, or off.
	Subscribe        string        `yaml:"subscribe"`
	SubscriptionType string        `yaml:"subscription_type"`
	Expires          time.Duration `yaml:"expires"`
	// Renew is how long before its end a subscription is made anew, Check how often
	// employees and subscriptions are looked at.
	Renew time.Duration `yaml:"renew"`
	Check time.Duration `yaml:"check"`
	// Settle is how long after the last leg others may still follow.
	Settle time.Duration `yaml:"settle"`
	// Records are the pauses after which the recording of a talk is looked for; an
	// empty list: never.
	Records []time.Duration `yaml:"records"`
	// Poll is how often the statistics are asked about a call of ours of which no
	// event came; 0: never.
	Poll    time.Duration `yaml:"poll"`
	Foreign bool          `yaml:"foreign"` // calls that we did not ask for are told, too
	Timeout time.Duration `yaml:"timeout"`
	Rate    float64       `yaml:"rate"` // requests in a second, at most
	// MaxCall is how long a talk is followed without news of it.
	MaxCall time.Duration `yaml:"max_call"`
	TLS     providers.TLS `yaml:"tls"`
}

// defaults are the settings of a provider that only has a token.
func defaults() Settings {
	return Settings{URL: DefaultURL, CallVersion: "v1", CallForm: formJSON, Answers: answersPhone, Subscribe: subscribeEmployees,
		SubscriptionType: basicCall, Expires: time.Hour, Renew: 5 * time.Minute, Check: 15 * time.Second, Settle: 3 * time.Second,
		Records: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute},
		Poll:    30 * time.Second, Foreign: true, Timeout: providers.Wait, Rate: 5, MaxCall: 4 * time.Hour}
}

// Values of the settings that are words.
const (
	answersPhone, answersSIP                        = "phone", "sip"
	subscribeEmployees, subscribeGroup, subscribeNo = "employees", "group", "off"
	basicCall                                       = "BASIC_CALL"
	formJSON, formQuery                             = "json", "query"
)

// check names the key that is wrong.
func (s *Settings) check() error {
	s.URL = strings.TrimRight(s.URL, "/")
	u, err := url.Parse(s.URL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" {
		return errors.New("url: an http or https address without a query")
	}
	if s.Token == "" || !calls.Printable(s.Token) || strings.ContainsAny(s.Token, " \t") {
		return errors.New("token: the key of the portal's API integration is needed")
	}
	for _, w := range []struct {
		key, value string
		of         []string
	}{
		{"call_version", s.CallVersion, []string{"v1", "v2"}},
		{"call_form", s.CallForm, []string{formJSON, formQuery}},
		{"answers", s.Answers, []string{answersPhone, answersSIP}},
		{"subscribe", s.Subscribe, []string{subscribeEmployees, subscribeGroup, subscribeNo}},
		{"subscription_type", s.SubscriptionType, []string{basicCall, "ADVANCED_CALL"}},
	} {
		if !oneOf(w.value, w.of) {
			return fmt.Errorf("%s: one of %s", w.key, strings.Join(w.of, ", "))
		}
	}
	if s.Answers == answersSIP && s.Subscriber == "" {
		return errors.New("subscriber: with answers: sip, name the subscriber that our user agent registers as")
	}
	return s.checkTimes()
}

func (s *Settings) checkTimes() error {
	for _, d := range []struct {
		key      string
		value    time.Duration
		min, max time.Duration
	}{
		{"expires", s.Expires, time.Minute, 25 * time.Hour},
		{"renew", s.Renew, time.Second, s.Expires / 2},
		{"check", s.Check, 100 * time.Millisecond, 10 * time.Minute},
		{"settle", s.Settle, time.Millisecond, time.Minute},
		{"poll", s.Poll, 0, 10 * time.Minute},
		{"timeout", s.Timeout, 10 * time.Millisecond, time.Minute},
		{"max_call", s.MaxCall, time.Second, 24 * time.Hour},
	} {
		if d.value < d.min || d.value > d.max {
			return fmt.Errorf("%s: from %s to %s", d.key, d.min, d.max)
		}
	}
	if len(s.Records) > 20 {
		return errors.New("records: at most 20 pauses")
	}
	for _, d := range s.Records {
		if d < time.Millisecond || d > 24*time.Hour {
			return errors.New("records: pauses from 1ms to 24h")
		}
	}
	if s.Rate < 0.1 || s.Rate > 100 {
		return errors.New("rate: from 0.1 to 100 requests in a second")
	}
	return nil
}

func oneOf(v string, of []string) bool {
	for _, o := range of {
		if v == o {
			return true
		}
	}
	return false
}
