package config

// KindHTTP is the provider that is described by templates (providers/httpcall).
const KindHTTP = "http"

// Provider is a telephony service that calls on our behalf. Those of the kind http
// are described by URL, Method, Headers, Body, Success, CallID, Error and Timeout
// (providers/httpcall); URL, headers and body may hold keys, so they are secrets. The
// folder of any other kind knows Settings.
type Provider struct {
	Name          string            `yaml:"name"`
	Kind          string            `yaml:"kind"`
	Account       string            `yaml:"account"` // who may use it; "": everybody who has its trunk
	URL           Secret            `yaml:"url"`
	Method        string            `yaml:"method"`
	Headers       map[string]Secret `yaml:"headers"`
	Body          Secret            `yaml:"body"`
	Success       Success           `yaml:"success"`
	CallID        Path              `yaml:"call_id"`
	Error         Path              `yaml:"error"`
	Trunk         string            `yaml:"trunk"`     // where its INVITE comes from
	Extension     string            `yaml:"extension"` // what its INVITE asks for
	Numbers       []string          `yaml:"numbers"`   // caller numbers it may show, beside those of its trunk
	MatchCaller   bool              `yaml:"match_caller"`
	MatchHeader   string            `yaml:"match_header"` // of its INVITE, with its id of the call or ours
	Ready         string            `yaml:"ready"`        // answer, first_audio, event; "": as is usual with the kind
	ExpectTimeout Duration          `yaml:"expect_timeout"`
	// Of calls that it carries without us: how many at once and in a second (0: no
	// limit), and how long the next report is waited for (0: ten minutes more than a
	// call may last).
	MaxCalls      int      `yaml:"max_calls"`
	MaxCPS        float64  `yaml:"max_cps"`
	ReportTimeout Duration `yaml:"report_timeout"`
	Timeout       Duration `yaml:"timeout"`
	Intake        Intake   `yaml:"intake"`
	Settings      Settings `yaml:"settings"`
}

// Intake is where a provider calls us back: /intake/NAME/SECRET/… of the HTTP
// listener. Without a secret there is none.
type Intake struct {
	Secret    Secret    `yaml:"secret"`
	AllowFrom []Network `yaml:"allow_from"` // empty: from anywhere
}

// Facade is an endpoint in a provider's own dialect.
type Facade struct {
	Kind     string   `yaml:"kind"`
	Listen   string   `yaml:"listen"` // host:port; "": under /compat/KIND/ of the HTTP listener
	TLS      TLS      `yaml:"tls"`    // of its own listener
	Settings Settings `yaml:"settings"`
}

// Bot says by whom the functions of /v1/bot call: trunk, or provider, which is the
// account's provider of that kind where it has one.
type Bot struct {
	Zvonobot string `yaml:"zvonobot"`
}

// What Bot may say.
const (
	BotTrunk    = "trunk"
	BotProvider = "provider"
)

// Exchanges bounds the journal of what is said between us and providers, sinks and
// the users of facades.
type Exchanges struct {
	Max  int      `yaml:"max"`  // how many are kept; 0: none
	Keep Duration `yaml:"keep"` // for how long; 0: until Max
}
