package config

import "zvonar/internal/calls"

// Trunk is one SIP peer.
type Trunk struct {
	Name           string       `yaml:"name"`
	URI            string       `yaml:"uri"`              // sip:HOST[:PORT][;transport=udp|tcp|tls]
	CA             string       `yaml:"ca"`               // authority of its certificate; "": the system's
	Register       bool         `yaml:"register"`         // tell its registrar where we are
	Expires        Duration     `yaml:"register_expires"` // for how long
	Options        Duration     `yaml:"options"`          // between two OPTIONS to each of its addresses; 0: none
	AuthInbound    string       `yaml:"auth_inbound"`     // user of sip.users whose password its calls bring; "": none
	Proxy          string       `yaml:"outbound_proxy"`   // where all requests go first; "": to uri
	Username       string       `yaml:"username"`
	Password       Secret       `yaml:"password"`
	Realm          string       `yaml:"realm"`    // the only one whose challenges are answered; "": any that the trunk's address sends
	Redirect       bool         `yaml:"redirect"` // follow 3xx
	AcceptFrom     []Network    `yaml:"accept_from"`
	MediaFrom      []Network    `yaml:"media_from"`
	Numbers        []string     `yaml:"numbers"`         // digits; the first is the default
	MaxCalls       int          `yaml:"max_calls"`       // 0: no limit
	MaxCPS         float64      `yaml:"max_cps"`         // 0: no limit
	Codecs         []string     `yaml:"codecs"`          // empty: those of Media
	Account        string       `yaml:"account"`         // whose it is; "": everybody's
	DTMF           string       `yaml:"dtmf"`            // auto, rfc4733, info, inband
	SRTP           string       `yaml:"srtp"`            // off, optional, required
	Transfer       string       `yaml:"transfer"`        // bridge, refer
	AcceptTransfer string       `yaml:"accept_transfer"` // talk, off
	Timer          SessionTimer `yaml:"session_timer"`
	PRACK          string       `yaml:"prack"` // off, supported, required
	CallerID       CallerID     `yaml:"caller_id"`
	Rewrite        Rewrite      `yaml:"rewrite"` // how numbers are written to it, and what its own are to us
	// Headers are added to its INVITEs; {metadata.KEY} is filled by the call.
	Headers  map[string]string `yaml:"headers"`
	Outcomes []Outcome         `yaml:"outcomes"` // what its refusals mean, where it is not the usual
	// EarlyMedia says what is done with the sound before the answer: listen, hangup
	// (listen, and end the attempt with an announcement), off.
	EarlyMedia string `yaml:"early_media"`
}

// The words of Trunk.AcceptTransfer.
const (
	transferTalk = "talk" // of whoever talks with a manager
	transferOff  = "off"
)

// SessionTimer is how long a session lives that nobody refreshes (RFC 4028).
type SessionTimer struct {
	Mode    string   `yaml:"mode"` // off, accept, require
	Expires Duration `yaml:"expires"`
	Min     Duration `yaml:"min"`
}

// CallerID is how a trunk is told who calls, and what of its own word is believed.
type CallerID struct {
	From     string `yaml:"from"`     // user of From: number, username
	Domain   string `yaml:"domain"`   // host of From; "": the trunk's where there is a username, else ours
	Identity string `yaml:"identity"` // none, pai, rpid, both
	Trust    bool   `yaml:"trust"`    // P-Asserted-Identity and Remote-Party-ID of its calls count before From
	Called   string `yaml:"called"`   // where the number that was called is: uri, to
}

// Rewrite are tables of numbers; of each the first rule that fits is applied.
type Rewrite struct {
	ToOut   []NumberRule `yaml:"to_out"`   // the callee of our calls
	FromOut []NumberRule `yaml:"from_out"` // their caller
	ToIn    []NumberRule `yaml:"to_in"`    // the callee of its calls
	FromIn  []NumberRule `yaml:"from_in"`  // their caller
}

// NumberRule rewrites a number.
type NumberRule struct {
	Prefix string `yaml:"prefix"` // what it begins with; "": any
	Length int    `yaml:"length"` // how many characters it has; 0: any
	Strip  int    `yaml:"strip"`  // taken away from the left
	Add    string `yaml:"add"`    // put before the rest
}

// Outcome is what a refusal of a trunk means.
type Outcome struct {
	Code    int           `yaml:"code"` // SIP, 400 to 699
	Outcome calls.Outcome `yaml:"outcome"`
	Reason  calls.Reason  `yaml:"reason"`
}
