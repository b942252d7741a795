package rostelecom

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// settings of a configured provider. README.md explains each key.
type settings struct {
	API      string          `yaml:"api"`
	ClientID string          `yaml:"client_id"`
	SignKey  string          `yaml:"sign_key"`
	Domain   string          `yaml:"domain"`
	Stand    bool            `yaml:"stand"`
	FromPIN  string          `yaml:"from_pin"`
	FromURI  string          `yaml:"from_sipuri"`
	Joins    bool            `yaml:"joins"`
	Ready    string          `yaml:"client_on"`
	Timeout  calls.Duration  `yaml:"timeout"`
	TLS      providers.TLS   `yaml:"tls"`
	CallInfo callInfoTries   `yaml:"call_info"`
	Records  recordSettings  `yaml:"records"`
	Info     infoSettings    `yaml:"number_info"`
	CRM      crmSettings     `yaml:"crm"`
	History  historySettings `yaml:"history"`
}

// callInfoTries says how often a call that ended is asked for.
type callInfoTries struct {
	Tries int            `yaml:"tries"`
	Pause calls.Duration `yaml:"pause"`
}

// recordSettings say how records are fetched.
type recordSettings struct {
	Links bool           `yaml:"links"` // a link is told of after the end of a call
	IP    string         `yaml:"ip"`    // that may download; "": whoever asks
	Tries int            `yaml:"tries"`
	Pause calls.Duration `yaml:"pause"`
}

// infoSettings say how get_number_info is answered.
type infoSettings struct {
	On     bool           `yaml:"on"`
	Budget calls.Duration `yaml:"budget"`
	Except []string       `yaml:"except"`
	// NameKey is the variable, or the key of a call's metadata, that holds the name of
	// whom it was with.
	NameKey string `yaml:"name_key"`
}

// crmSettings name the CRM that is asked for callers, where we are the PBX.
type crmSettings struct {
	URL      string         `yaml:"url"`
	ClientID string         `yaml:"client_id"`
	SignKey  string         `yaml:"sign_key"`
	Domain   string         `yaml:"domain"`
	Timeout  calls.Duration `yaml:"timeout"`
	Numbers  string         `yaml:"numbers"` // sip or e164
	Signed   string         `yaml:"signed"`  // always, if_present or never
	TLS      providers.TLS  `yaml:"tls"`
}

// historySettings say how long a history is waited for.
type historySettings struct {
	Tries int            `yaml:"tries"`
	Pause calls.Duration `yaml:"pause"`
}

// Addresses of the service, and how a talk with the client is known.
const (
	publicAPI = "https://api.cloudpbx.rt.ru"

	onNumber = "number" // a connected event that names the client
	onFirst  = "first"  // the first connected of a session
	onSecond = "second" // the second one: the first is our own side

	formSIP  = "sip"
	formE164 = "e164"

	signedAlways    = "always"
	signedIfPresent = "if_present"
	signedNever     = "never"
)

// read decodes, fills in what is not said and checks.
func read(s providers.Settings) (settings, error) {
	c := settings{
		API: publicAPI, Ready: onNumber, Timeout: calls.Duration(10 * time.Second),
		CallInfo: callInfoTries{Tries: 4, Pause: calls.Duration(2 * time.Second)},
		Records:  recordSettings{Tries: 5, Pause: calls.Duration(30 * time.Second)},
		Info:     infoSettings{Budget: calls.Duration(time.Second), NameKey: "name"},
		CRM:      crmSettings{Timeout: calls.Duration(1500 * time.Millisecond), Numbers: formSIP, Signed: signedIfPresent},
		History:  historySettings{Tries: 20, Pause: calls.Duration(15 * time.Second)},
	}
	if err := s.Decode(&c); err != nil {
		return c, err
	}
	return c, c.check()
}

// check finds what cannot work; an error names the key.
func (c *settings) check() error {
	c.API = strings.TrimRight(c.API, "/")
	c.CRM.URL = strings.TrimRight(c.CRM.URL, "/")
	client := c.ClientID != "" || c.SignKey != ""
	switch {
	case !client && c.CRM.URL == "":
		return errors.New("client_id: the provider has neither client_id and sign_key of the API nor the url of a crm")
	case client && (c.ClientID == "" || c.SignKey == ""):
		return errors.New("sign_key: client_id and sign_key belong together")
	case client && !printable(c.ClientID):
		return errors.New("client_id: it has spaces or control characters")
	case c.CRM.URL != "" && (c.CRM.ClientID == "" || c.CRM.SignKey == ""):
		return errors.New("crm.sign_key: crm.client_id and crm.sign_key sign what the crm is asked")
	case c.Info.On && !client:
		return errors.New("number_info.on: get_number_info is answered to the API; set client_id and sign_key")
	case c.FromPIN != "" && c.FromURI != "":
		return errors.New("from_pin: set from_pin or from_sipuri, not both")
	case c.Records.Tries < 1 || c.Records.Tries > 20 || c.CallInfo.Tries < 1 || c.CallInfo.Tries > 20 || c.History.Tries < 1 || c.History.Tries > 100:
		return errors.New("tries: must be 1 to 20 (history: 100)")
	}
	for _, x := range []struct {
		key, value string
		of         []string
	}{{"client_on", c.Ready, []string{onNumber, onFirst, onSecond}}, {"crm.numbers", c.CRM.Numbers, []string{formSIP, formE164}},
		{"crm.signed", c.CRM.Signed, []string{signedAlways, signedIfPresent, signedNever}}} {
		if !strings.Contains(" "+strings.Join(x.of, " ")+" ", " "+x.value+" ") || x.value == "" {
			return fmt.Errorf("%s: must be one of %s", x.key, strings.Join(x.of, ", "))
		}
	}
	for _, x := range []struct {
		key  string
		d    calls.Duration
		most time.Duration
	}{{"timeout", c.Timeout, time.Minute}, {"call_info.pause", c.CallInfo.Pause, time.Minute}, {"records.pause", c.Records.Pause, time.Hour},
		{"number_info.budget", c.Info.Budget, 10 * time.Second}, {"crm.timeout", c.CRM.Timeout, 10 * time.Second}, {"history.pause", c.History.Pause, time.Hour}} {
		if x.d <= 0 || time.Duration(x.d) > x.most {
			return fmt.Errorf("%s: must be more than 0 and at most %s", x.key, x.most)
		}
	}
	if err := address("api", c.API); client && err != nil {
		return err
	}
	if err := address("crm.url", c.CRM.URL); c.CRM.URL != "" && err != nil {
		return err
	}
	if err := c.TLS.Check(); err != nil {
		return err
	}
	if err := c.CRM.TLS.Check(); err != nil {
		return fmt.Errorf("crm.%w", err)
	}
	return nil
}

// address checks the beginning of the URLs that are called.
func address(key, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("%s: must be an http or https address, like https://api.cloudpbx.rt.ru", key)
	}
	return nil
}

func printable(s string) bool { return calls.Printable(s) && !strings.ContainsAny(s, " \t") }
