package voximplant

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
	"zvonar/providers"
)

// Defaults and bounds of the settings.
const (
	defaultURL         = "https://api.voximplant.com/platform_api"
	defaultTokenLife   = 64 * time.Second // as the official Node.js client
	defaultAMDTimeout  = 6500 * time.Millisecond
	maxAMDTimeout      = 20 * time.Second
	defaultMaxLength   = 11
	defaultReorder     = 2 * time.Second
	defaultRecordWait  = time.Minute
	defaultHistoryWait = time.Minute
	defaultHistoryMost = 10 * time.Minute
	defaultHistoryEnd  = 3 * time.Hour
	// defaultCustomData bounds script_custom_data, for which the reference names no limit.
	defaultCustomData = 64 << 10
)

// settings are the keys of a configured provider. See README.md.
type settings struct {
	URL string `yaml:"url"`
	// Credentials is the JSON of a service account; or an API key with the account's
	// id, name or email.
	Credentials  string         `yaml:"credentials"`
	AccountID    int64          `yaml:"account_id"` // with credentials: of a child account
	AccountName  string         `yaml:"account_name"`
	AccountEmail string         `yaml:"account_email"`
	APIKey       string         `yaml:"api_key"`
	TokenLife    calls.Duration `yaml:"token_life"`
	Timeout      calls.Duration `yaml:"timeout"`
	TLS          providers.TLS  `yaml:"tls"`

	RuleID          int64  `yaml:"rule_id"`
	UserID          int64  `yaml:"user_id"`
	UserName        string `yaml:"user_name"`
	ApplicationID   int64  `yaml:"application_id"`
	ApplicationName string `yaml:"application_name"`
	ServerLocation  string `yaml:"server_location"`
	ReferenceIP     string `yaml:"reference_ip"`

	Answers    string            `yaml:"answers"` // scenario, sip
	SIPURI     string            `yaml:"sip_uri"`
	Play       string            `yaml:"play"` // url, text
	Voices     map[string]string `yaml:"voices"`
	CallerID   string            `yaml:"caller_id"`
	CustomData int               `yaml:"max_custom_data"`

	AMD struct {
		Model     string         `yaml:"model"`
		Timeout   calls.Duration `yaml:"timeout"`
		Human     float64        `yaml:"human"`
		Voicemail float64        `yaml:"voicemail"`
	} `yaml:"amd"`

	Callbacks   callbackSettings   `yaml:"callbacks"`
	History     historySettings    `yaml:"history"`
	ErrorCodes  map[string]doubt   `yaml:"error_codes"`
	FailedCodes map[string]failure `yaml:"failed_codes"`
	Lead        leadSettings       `yaml:"lead_rule"`
}

// callbackSettings say how the reports of the scenario are read.
type callbackSettings struct {
	Paths      map[string]string `yaml:"paths"`  // field → path
	Events     map[string]event  `yaml:"events"` // the scenario's word → ours
	Reorder    calls.Duration    `yaml:"reorder"`
	RecordWait calls.Duration    `yaml:"record_wait"`
}

// historySettings say when GetCallHistory is asked for a call of which nothing is heard.
type historySettings struct {
	Off    bool           `yaml:"off"`
	After  calls.Duration `yaml:"after"`
	Most   calls.Duration `yaml:"most"`
	GiveUp calls.Duration `yaml:"give_up"`
}

// leadSettings are the rule by which a call goes to a person instead.
type leadSettings struct {
	Off       bool         `yaml:"off"`
	MaxLength int          `yaml:"max_length"`
	Window    calls.Window `yaml:"window"`
}

// check completes the settings and names what is wrong.
func (s *settings) check() error {
	s.URL = strings.TrimSuffix(cmp.Or(s.URL, defaultURL), "/")
	s.Answers, s.Play = cmp.Or(s.Answers, "scenario"), cmp.Or(s.Play, "url")
	s.TokenLife, s.Timeout = cmp.Or(s.TokenLife, calls.Duration(defaultTokenLife)), cmp.Or(s.Timeout, calls.Duration(providers.Wait))
	s.CustomData = cmp.Or(s.CustomData, defaultCustomData)
	s.AMD.Timeout = cmp.Or(s.AMD.Timeout, calls.Duration(defaultAMDTimeout))
	s.Callbacks.Reorder = cmp.Or(s.Callbacks.Reorder, calls.Duration(defaultReorder))
	s.Callbacks.RecordWait = cmp.Or(s.Callbacks.RecordWait, calls.Duration(defaultRecordWait))
	h := &s.History
	h.After, h.Most = cmp.Or(h.After, calls.Duration(defaultHistoryWait)), cmp.Or(h.Most, calls.Duration(defaultHistoryMost))
	h.GiveUp = cmp.Or(h.GiveUp, calls.Duration(defaultHistoryEnd))
	s.Lead.MaxLength = cmp.Or(s.Lead.MaxLength, defaultMaxLength)
	if s.Lead.Window.From == "" && s.Lead.Window.To == "" {
		s.Lead.Window.From, s.Lead.Window.To = "09:00", "21:00"
	}
	return cmpError(s.checkAccess(), s.checkCall(), s.checkTables())
}

func (s *settings) checkAccess() error {
	if err := webAddress(s.URL); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	if d := time.Duration(s.Timeout); d < time.Second || d > time.Minute {
		return errors.New("timeout: 1s to 1m")
	}
	if d := time.Duration(s.TokenLife); d < 10*time.Second || d > maxTokenLife {
		return errors.New("token_life: 10s to 1h")
	}
	if s.Credentials != "" {
		if s.APIKey != "" {
			return errors.New("api_key: a service account (credentials) has none; give one of the two")
		}
		if _, _, err := readCredentials(s.Credentials); err != nil {
			return fmt.Errorf("credentials: %w", err)
		}
		return nil
	}
	if s.APIKey == "" {
		return errors.New("credentials: give the file of a service account (credentials_file), or api_key with account_id, account_name or account_email")
	}
	if s.AccountID == 0 && s.AccountName == "" && s.AccountEmail == "" {
		return errors.New("account_id: api_key needs account_id, account_name or account_email beside it")
	}
	return nil
}

func (s *settings) checkCall() error {
	switch {
	case s.RuleID <= 0:
		return errors.New("rule_id: the id of the routing rule with the scenario is needed")
	case s.Answers != "scenario" && s.Answers != "sip":
		return errors.New("answers: scenario (Voximplant plays) or sip (it brings the call to our user agent)")
	case s.Answers == "sip" && !strings.HasPrefix(s.SIPURI, "sip:") && !strings.HasPrefix(s.SIPURI, "sips:"):
		return errors.New("sip_uri: with answers: sip it is the address at which Voximplant reaches our user agent, sip:100@pbx.example.com")
	case s.Play != "url" && s.Play != "text":
		return errors.New("play: url (our clips) or text (their voice reads)")
	case s.CustomData < 1000:
		return errors.New("max_custom_data: at least 1000 bytes")
	case s.AMD.Timeout < 0 || time.Duration(s.AMD.Timeout) > maxAMDTimeout:
		return errors.New("amd.timeout: 0s to 20s")
	case outOfUnit(s.AMD.Human) || outOfUnit(s.AMD.Voicemail):
		return errors.New("amd: thresholds are 0.0 to 1.0")
	}
	if err := numbering.CheckWindow(s.Lead.Window); err != nil {
		return fmt.Errorf("lead_rule.window: %w", err)
	}
	if s.Lead.Window.Preset != "" {
		return errors.New("lead_rule.window.preset: write the hours themselves")
	}
	return nil
}

func outOfUnit(f float64) bool { return f < 0 || f > 1 }

func (s *settings) checkTables() error {
	for code, d := range s.ErrorCodes {
		if d != refused && d != unknown || !isCode(code) {
			return fmt.Errorf("error_codes.%s: a code is refused or unknown", code)
		}
	}
	for code, f := range s.FailedCodes {
		if !slices.Contains(calls.Outcomes(), f.Outcome) || !isCode(code) {
			return fmt.Errorf("failed_codes.%s: {outcome: busy}; outcomes are those of docs/outcomes.md", code)
		}
	}
	_, err := newReading(s.Callbacks, s.FailedCodes)
	return err
}

func isCode(s string) bool {
	var n json.Number = json.Number(s)
	i, err := n.Int64()
	return err == nil && i > 0
}

// webAddress checks the address of a service.
func webAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.User != nil {
		return errors.New("write it like https://api.example.com/platform_api")
	}
	return nil
}
