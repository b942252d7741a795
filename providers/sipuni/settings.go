package sipuni

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Defaults of the settings.
const (
	defaultURL    = "https://sipuni.com/api/"
	defaultWindow = 2 * time.Minute
	maxTimeout    = time.Minute
)

// settings are the keys of a configured provider.
type settings struct {
	URL    string `yaml:"url"`    // of the API, with its last slash or without
	User   string `yaml:"user"`   // number of the account, as text: its zeros count
	Secret string `yaml:"secret"` // from the cabinet's page of integrations
	// Method places the calls: callback/call_number, call_tree, call_external or voicecall.
	Method string `yaml:"method"`
	// SIPNumber is the internal number that is rung, or that calls out; "": the
	// provider's extension. SIPNumber2 is that of the second leg of call_external.
	SIPNumber  string `yaml:"sipnumber"`
	SIPNumber2 string `yaml:"sipnumber2"`
	Tree       string `yaml:"tree"`       // of call_tree: a scheme that leads to our extension
	PhoneFrom  string `yaml:"phone_from"` // of call_external: an outside number that leads to us
	// Reverse rings the client before us.
	Reverse bool `yaml:"reverse"`
	// Anonymous hides the city number.
	Anonymous   bool          `yaml:"antiaon"`
	AttemptTime time.Duration `yaml:"call_attempt_time"` // of call_tree; 0: not sent; 30s and more
	Voice       string        `yaml:"voice"`             // of voicecall
	Timeout     time.Duration `yaml:"timeout"`           // of an answer
	// MatchWindow is how long after a request an event without the order's id may
	// begin its call.
	MatchWindow time.Duration `yaml:"match_window"`
	// StatisticsAfter is how long events of a call that does not come to us may be
	// missing until the statistic is asked instead; 0: never.
	StatisticsAfter time.Duration `yaml:"statistics_after"`
	Timezone        string        `yaml:"timezone"` // of the service's tables
	TLS             providers.TLS `yaml:"tls"`
}

// placing are the ways to place a call, by the name in the settings.
var placing = map[string]string{"call_number": methodNumber, "call_tree": methodTree, "call_external": methodExternal, "voicecall": methodVoice}

// voices are those of voicecall, with what we make of them.
var voices = map[string]string{"vladimir": "male", "alexandr": "male", "anna": "female", "maria": "female", "victoria": "female"}

// genderOf is how a voice of the service sounds; newer ones end in _n. ok is false
// where there is none of this name.
func genderOf(voice string) (gender string, ok bool) {
	gender, ok = voices[strings.TrimSuffix(strings.ToLower(voice), "_n")]
	return gender, ok
}

// readSettings reads and checks them; an error names the key.
func readSettings(s providers.Settings) (set settings, zone *time.Location, err error) {
	set = settings{URL: defaultURL, Method: "call_number", Voice: "Anna", MatchWindow: defaultWindow, Timezone: defaultZone}
	if err := s.Decode(&set); err != nil {
		return set, nil, err
	}
	u, err := url.Parse(set.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "":
		return set, nil, errors.New("url: an address such as " + defaultURL)
	case set.User == "" || strings.Trim(set.User, "0123456789") != "":
		return set, nil, errors.New(`user: the number of the account in quotation marks ("078332"): its zeros count`)
	case set.Secret == "":
		return set, nil, errors.New("secret: the key of the cabinet's page of integrations; or secret_file")
	}
	if !strings.HasSuffix(set.URL, "/") {
		set.URL += "/"
	}
	if zone, err = time.LoadLocation(set.Timezone); err != nil || set.Timezone == "" {
		return set, nil, errors.New("timezone: a name such as Europe/Moscow")
	}
	return set, zone, set.checkMethod()
}

func (s settings) checkMethod() error {
	names := make([]string, 0, len(placing))
	for name := range placing {
		names = append(names, name)
	}
	slices.Sort(names)
	if placing[s.Method] == "" {
		return fmt.Errorf("method: one of %s", strings.Join(names, ", "))
	}
	for _, f := range []struct{ key, value string }{{"sipnumber", s.SIPNumber}, {"sipnumber2", s.SIPNumber2}, {"tree", s.Tree}, {"phone_from", s.PhoneFrom}, {"voice", s.Voice}} {
		if strings.Contains(f.value, "+") || !calls.Printable(f.value) || len(f.value) > 64 {
			return fmt.Errorf("%s: without + and control characters", f.key)
		}
	}
	switch {
	case s.Method == "call_tree" && s.Tree == "":
		return errors.New("tree: the id of the scheme that call_tree runs")
	case s.Method == "call_external" && s.PhoneFrom == "":
		return errors.New("phone_from: the outside number that leads to us, which call_external rings first")
	case s.Method == "voicecall" && s.Voice == "":
		return errors.New("voice: such as Anna or Vladimir")
	case s.AttemptTime != 0 && s.AttemptTime < 30*time.Second:
		return errors.New("call_attempt_time: 30s at least")
	case s.Timeout < 0 || s.Timeout > maxTimeout:
		return fmt.Errorf("timeout: at most %s", maxTimeout)
	case s.MatchWindow <= 0 || s.MatchWindow > 10*time.Minute:
		return errors.New("match_window: up to 10m")
	case s.StatisticsAfter < 0 || s.StatisticsAfter > 0 && s.StatisticsAfter < time.Minute:
		return errors.New("statistics_after: a minute at least, or 0s")
	}
	return nil
}
