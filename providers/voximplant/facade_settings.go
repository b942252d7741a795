package voximplant

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Defaults and bounds of the facade's settings.
const (
	defaultSkew       = time.Minute
	maxSkew           = 10 * time.Minute
	defaultConcurrent = 200 // StartScenarios at a time, as the service allows
	defaultMaxFile    = 16 << 20
)

// facadeSettings are the keys of the facade. See README.md.
type facadeSettings struct {
	// Rules are what a rule_id runs.
	Rules map[string]rule `yaml:"rules"`
	// CustomData says where script_custom_data and the rows of lists have what we need.
	CustomData customDataSettings `yaml:"custom_data"`
	// Skew is how far the clocks of clients may be off.
	Skew       calls.Duration `yaml:"skew"`
	Concurrent int            `yaml:"max_concurrent"`
	MaxFile    int64          `yaml:"max_file"` // bytes of a call list
	// Balance and Currency are told by GetAccountInfo: software that looks whether
	// there is money must find some.
	Balance  float64 `yaml:"balance"`
	Currency string  `yaml:"currency"`
	// RepeatWindow is how long the same StartScenarios gives the session of the first and
	// rings nobody; 0: only while its ref is in use.
	RepeatWindow time.Duration `yaml:"repeat_window"`
	// PublicURL is where clients reach this facade, for the addresses of sessions; "":
	// as the request came.
	PublicURL string `yaml:"public_url"`
}

// rule is what a routing rule with its scenario is with us: a flow.
type rule struct {
	Name        string      `yaml:"name"`
	Application string      `yaml:"application"`
	Account     string      `yaml:"account"` // who may run it; "": everybody
	Flow        *calls.Flow `yaml:"flow"`
	From        string      `yaml:"from"` // caller number where the data name none
	Trunk       string      `yaml:"trunk"`
	Provider    string      `yaml:"provider"`
}

// customDataSettings name, for each thing that we need, the paths (in JSON) or columns
// where it may be; the first that is there counts.
type customDataSettings struct {
	To       []string `yaml:"to"`
	From     []string `yaml:"from"`
	Ref      []string `yaml:"ref"`
	Callback []string `yaml:"callback"`
	Attempt  []string `yaml:"attempt"` // comes back with every report
	Call     []string `yaml:"call"`    // likewise
	// Columns name the parts of data that are no JSON, and Delimiter parts them.
	Columns   []string `yaml:"columns"`
	Delimiter string   `yaml:"delimiter"`
}

// readFacade reads and checks the settings of the facade; an error names the key.
func readFacade(from providers.Settings) (s facadeSettings, err error) {
	s.RepeatWindow = providers.RepeatWindow
	if err := from.Decode(&s); err != nil {
		return s, err
	}
	s.Skew = cmp.Or(s.Skew, calls.Duration(defaultSkew))
	s.Concurrent, s.MaxFile = cmp.Or(s.Concurrent, defaultConcurrent), cmp.Or(s.MaxFile, defaultMaxFile)
	s.Balance, s.Currency = cmp.Or(s.Balance, 1000), cmp.Or(s.Currency, "RUB")
	s.PublicURL = strings.TrimSuffix(s.PublicURL, "/")
	c := &s.CustomData
	for _, d := range []struct {
		into  *[]string
		names string
	}{{&c.To, "to phone number phone_number client_phone"}, {&c.From, "from caller_id callerid"}, {&c.Ref, "ref"},
		{&c.Callback, "callback callback_url"}, {&c.Attempt, "attempt"}, {&c.Call, "call"}, {&c.Columns, "to"}} {
		if len(*d.into) == 0 {
			*d.into = strings.Fields(d.names)
		}
	}
	c.Delimiter = cmp.Or(c.Delimiter, ";")
	return s, s.check()
}

func (s *facadeSettings) check() error {
	switch {
	case providers.CheckRepeatWindow(s.RepeatWindow) != nil:
		return providers.CheckRepeatWindow(s.RepeatWindow)
	case time.Duration(s.Skew) < 0 || time.Duration(s.Skew) > maxSkew:
		return errors.New("skew: 0s to 10m")
	case s.Concurrent < 1:
		return errors.New("max_concurrent: at least 1")
	case s.MaxFile < 1000 || s.MaxFile > 1<<30:
		return errors.New("max_file: 1000 bytes to 1 GiB")
	}
	if s.PublicURL != "" {
		if u, err := url.Parse(s.PublicURL); err != nil || u.Host == "" {
			return errors.New("public_url: write it like https://pbx.example.com/compat/voximplant")
		}
	}
	for id, r := range s.Rules {
		if n, err := strconv.ParseInt(id, 10, 64); err != nil || n <= 0 || strconv.FormatInt(n, 10) != id {
			return fmt.Errorf("rules.%s: the id of a rule is a whole number", calls.Clean(id, 40))
		}
		if r.Flow == nil {
			return fmt.Errorf("rules.%s.flow: say what the client hears: {record: ID}", id)
		}
	}
	c := &s.CustomData
	for _, paths := range [][]string{c.To, c.From, c.Ref, c.Callback, c.Attempt, c.Call} {
		for _, p := range paths {
			if err := providers.CheckPath(p); err != nil {
				return fmt.Errorf("custom_data: %w", err)
			}
		}
	}
	if slices.Contains(c.Columns, "") {
		return errors.New("custom_data.columns: each needs a name")
	}
	return nil
}
