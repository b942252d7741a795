package config

import (
	"encoding/json"
	"net/netip"

	"zvonar/internal/calls"
)

// Config is the whole configuration. Every key stands in
// deploy/zvonar.example.yaml with its meaning.
type Config struct {
	Node         string     `yaml:"node"`
	NodeLease    Duration   `yaml:"node_lease"` // where nodes share a database
	DataDir      string     `yaml:"data_dir"`
	Store        Secret     `yaml:"store"` // sqlite, or the URL of a PostgreSQL database, which may hold a password
	StoreReserve Size       `yaml:"store_reserve"`
	DrainTimeout Duration   `yaml:"drain_timeout"`
	Log          Log        `yaml:"log"`
	HTTP         HTTP       `yaml:"http"`
	Admin        Admin      `yaml:"admin"`
	Accounts     []string   `yaml:"accounts"` // besides main
	Tokens       []Token    `yaml:"tokens"`
	SIP          SIP        `yaml:"sip"`
	Media        Media      `yaml:"media"`
	Trunks       []Trunk    `yaml:"trunks"`
	Inbound      []Inbound  `yaml:"inbound"`
	Webhooks     []Webhook  `yaml:"webhooks"`
	Egress       Egress     `yaml:"egress"`
	Recordings   Recordings `yaml:"recordings"`
	Dialer       Dialer     `yaml:"dialer"`
	Providers    []Provider `yaml:"providers"`
	Facades      []Facade   `yaml:"facades"`
	Exchanges    Exchanges  `yaml:"exchanges"`
	Bot          Bot        `yaml:"bot"`
	SMS          SMS        `yaml:"sms"`
	AMD          AMD        `yaml:"amd"`
	Trace        Trace      `yaml:"trace"`
	Captures     Captures   `yaml:"captures"`
	Retention    Retention  `yaml:"retention"`
	CDR          CDR        `yaml:"cdr"`

	source *report // where everything stands; nil where nothing was read
}

// Log says how much is logged and in which form.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // json, text
}

// HTTP is the listener of the API.
type HTTP struct {
	Listen    string  `yaml:"listen"`     // host:port
	PublicURL string  `yaml:"public_url"` // where it is reached from outside; "": links are paths
	TLS       TLS     `yaml:"tls"`
	Streams   Streams `yaml:"streams"`
}

// Streams bounds the live event streams.
type Streams struct {
	Max      int `yaml:"max"`       // at once
	PerToken int `yaml:"per_token"` // of one token
}

// TLS names files; empty Cert is plain HTTP.
type TLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"` // clients must show a certificate of it
}

// On reports whether the listener speaks TLS.
func (t TLS) On() bool { return t.Cert != "" }

// Admin is the listener of metrics and health.
type Admin struct {
	Listen string `yaml:"listen"` // host:port
}

// Token is an API token of the file.
type Token struct {
	Name      string             `yaml:"name"`
	Token     Secret             `yaml:"token"`
	Roles     []calls.Permission `yaml:"roles"`
	Account   string             `yaml:"account"`    // "": main
	AllowFrom []Network          `yaml:"allow_from"` // empty: anywhere
}

// SIP is the user agent.
type SIP struct {
	Listen    []string   `yaml:"listen"`    // udp://ADDRESS:PORT, tcp://ADDRESS:PORT, tls://ADDRESS:PORT
	TLS       TLS        `yaml:"tls"`       // of the tls listeners
	Advertise netip.Addr `yaml:"advertise"` // zero: the listener's
	UserAgent string     `yaml:"user_agent"`
	// ChallengeFrom are the networks whose requests are answered by asking for a
	// password; none: nobody but trunks is heard.
	ChallengeFrom []Network `yaml:"challenge_from"`
	Users         []SIPUser `yaml:"users"` // who may register, or call with a password
	Registrar     Registrar `yaml:"registrar"`
	DNS           []string  `yaml:"dns"` // name servers, ADDRESS or ADDRESS:PORT; empty: those of the system
	DSCP          int       `yaml:"dscp"`
}

// SIPUser is a PBX or telephone that registers with us.
type SIPUser struct {
	Name     string `yaml:"name"`
	Password Secret `yaml:"password"`
	Account  string `yaml:"account"` // "": main
}

// Registrar bounds what is registered with us.
type Registrar struct {
	Least    Duration `yaml:"min"`
	Most     Duration `yaml:"max"`
	Contacts int      `yaml:"contacts"` // of one user
}

// Media is where RTP goes.
type Media struct {
	IP        netip.Addr `yaml:"ip"`
	Advertise netip.Addr `yaml:"advertise"` // zero: IP
	Ports     PortRange  `yaml:"ports"`
	Codecs    []string   `yaml:"codecs"` // in order of preference
	DeadAir   DeadAir    `yaml:"dead_air"`
	DSCP      int        `yaml:"dscp"`
}

// DeadAir is how long an answered call may be silent before it is hung up; 0 is
// for ever.
type DeadAir struct {
	Never Duration `yaml:"never"` // no RTP ever came
	Lost  Duration `yaml:"lost"`  // it stopped
	Held  Duration `yaml:"held"`  // the far end holds the call
}

// Inbound runs a flow on calls to a number.
type Inbound struct {
	Number  string        `yaml:"number"` // any user part of a Request-URI
	Trunk   string        `yaml:"trunk"`  // "": any
	Flow    calls.Flow    `yaml:"flow"`
	Account string        `yaml:"account"` // whose calls they are; "": the trunk's, or main
	Router  InboundRouter `yaml:"router"`
}

// Webhook is a trusted destination of events.
type Webhook struct {
	URL     string            `yaml:"url"`
	Secret  Secret            `yaml:"secret"`  // whsec_…
	Types   []calls.EventType `yaml:"types"`   // empty: all
	Account string            `yaml:"account"` // whose events; "": main
	// Kind is the dialect that is spoken there; "": webhook, whose secret is whsec_….
	Kind     string          `yaml:"kind"`
	Settings json.RawMessage `yaml:"settings"` // what the kind keeps of it, as JSON
}

// Egress excepts addresses from the guard for URLs that arrive by API.
type Egress struct {
	Allow []string `yaml:"allow"`
}

// Recordings is the library of clips.
type Recordings struct {
	MinDuration Duration `yaml:"min_duration"` // at least 7s
	FirstID     int64    `yaml:"first_id"`     // first record_id ever given
	FourEyes    bool     `yaml:"four_eyes"`    // whoever uploaded may not approve
	Approvals   int      `yaml:"approvals"`    // of different moderators, 1 or 2
	Claim       Duration `yaml:"claim"`        // how long a moderator has a recording for himself
	Loudness    float64  `yaml:"loudness"`     // LUFS that clips are brought to; 0: left as they are
	Storage     Storage  `yaml:"storage"`
	TTS         TTS      `yaml:"tts"`
}

// Storage is where clips lie besides data_dir.
type Storage struct {
	S3 S3 `yaml:"s3"`
}

// S3 is a bucket of a service that speaks the S3 protocol.
type S3 struct {
	Endpoint  string   `yaml:"endpoint"` // empty: none
	Bucket    string   `yaml:"bucket"`
	Prefix    string   `yaml:"prefix"`
	Region    string   `yaml:"region"`
	AccessKey string   `yaml:"access_key"`
	SecretKey Secret   `yaml:"secret_key"`
	Timeout   Duration `yaml:"timeout"` // of one exchange
}

// TTS names the program or the service that speaks texts. The URL and the headers
// may hold keys, so they are secrets.
type TTS struct {
	Command []string          `yaml:"command"` // {voice} stands for the voice
	URL     Secret            `yaml:"url"`     // instead; neither: texts are not spoken
	Headers map[string]Secret `yaml:"headers"` // of the requests to url
	Timeout Duration          `yaml:"timeout"` // of one text
	Voices  Voices            `yaml:"voices"`
}

// Voices are the names that the program has for them.
type Voices struct {
	RuMale   string `yaml:"ru_male"`
	RuFemale string `yaml:"ru_female"`
	EnMale   string `yaml:"en_male"`
	EnFemale string `yaml:"en_female"`
}

// Dialer is when and how people are called.
type Dialer struct {
	Window calls.Window `yaml:"window"` // local to the callee
	// How often a number is called, by all calls of its account; 0: no cap.
	MaxAttemptsPerDay   int               `yaml:"max_attempts_per_day"`
	MaxAttemptsPerWeek  int               `yaml:"max_attempts_per_week"`  // in seven days
	MaxAttemptsPerMonth int               `yaml:"max_attempts_per_month"` // in 31 days
	MinGap              Duration          `yaml:"min_gap"`                // between two attempts
	Retry               calls.RetryPolicy `yaml:"retry"`                  // of calls that bring none
	// Presets are windows and limits that calls and campaigns name.
	Presets map[string]calls.Preset `yaml:"presets"`
	Breaker Breaker                 `yaml:"breaker"`
	// Files that replace what is built in; "": built in.
	NumberingPlan string   `yaml:"numbering_plan"`
	Holidays      string   `yaml:"holidays"`
	Countries     []string `yaml:"countries"` // ISO 3166-1; the first is the default country
	RingTimeout   Duration `yaml:"ring_timeout"`
	MaxDuration   Duration `yaml:"max_duration"`
	// Callbacks is for how long whoever was called hears what he was called for when
	// he calls the number back; 0: he does not.
	Callbacks Duration `yaml:"callbacks"`
}

// Breaker says when attempts are given up for a while.
type Breaker struct {
	Trunk    TrunkBreaker    `yaml:"trunk"`
	Campaign CampaignBreaker `yaml:"campaign"`
}

// TrunkBreaker leaves a trunk alone where Errors of its last Of attempts failed, until
// one call after Pause shows that it works.
type TrunkBreaker struct {
	Errors    int      `yaml:"errors"` // 0: never
	Of        int      `yaml:"of"`
	Pause     Duration `yaml:"pause"`
	MostPause Duration `yaml:"most_pause"` // it doubles up to here
}

// CampaignBreaker pauses a campaign where Errors of its last Of attempts failed, until
// somebody resumes it.
type CampaignBreaker struct {
	Errors int `yaml:"errors"` // 0: never
	Of     int `yaml:"of"`
}

// Success tells a provider's yes from its no.
type Success struct {
	Path   string `yaml:"path"`   // "": every 2xx is a yes
	Equals string `yaml:"equals"` // "": true
}

// Path names a value in a JSON answer: "result.0.id".
type Path struct {
	Path string `yaml:"path"`
}

// SMS says how texts are sent and who reports of them.
type SMS struct {
	Sender  string     `yaml:"sender"` // file, http
	HTTP    SMSHTTP    `yaml:"http"`
	Reports SMSReports `yaml:"reports"`
}

// SMSHTTP is a service that takes texts by HTTP (providers/httpsms). URL,
// headers and body may hold keys, so they are secrets.
type SMSHTTP struct {
	URL      Secret            `yaml:"url"`
	Method   string            `yaml:"method"`
	Headers  map[string]Secret `yaml:"headers"`
	Body     Secret            `yaml:"body"`
	Statuses []int             `yaml:"statuses"` // empty: every 2xx
	Success  Success           `yaml:"success"`
	ID       Path              `yaml:"id"`
	Error    Path              `yaml:"error"`
	Timeout  Duration          `yaml:"timeout"`
	Parallel int               `yaml:"parallel"`
}

// SMSReports is how a service that calls back tells what became of a text.
type SMSReports struct {
	Secret    Secret   `yaml:"secret"` // the last part of the address; "": nobody may call it
	ID        Path     `yaml:"id"`
	By        string   `yaml:"by"` // whose id it is: provider, zvonar
	Status    Path     `yaml:"status"`
	Delivered []string `yaml:"delivered"`
	Failed    []string `yaml:"failed"`
	Error     Path     `yaml:"error"`
}

// CDR is where call records are written as files.
type CDR struct {
	Dir      string `yaml:"dir"`      // empty: nowhere
	Format   string `yaml:"format"`   // jsonl, csv, asterisk
	Rotation string `yaml:"rotation"` // hourly, daily
	Account  string `yaml:"account"`  // whose calls; "": everybody's
}

// AMD is answering machine detection, where calls ask for it.
type AMD struct {
	// Keep is how much of each callee is kept from the answer on, to be judged
	// again; 0 is nothing. It goes after retention.captures.
	Keep Duration `yaml:"keep"`
	// Profiles are limits of their own for trunks, countries and flows.
	Profiles []AMDProfile `yaml:"profiles"`
}

// AMDProfile is by which limits answers are judged; what is zero is as learned.
type AMDProfile struct {
	Name      string   `yaml:"name"`
	Trunks    []string `yaml:"trunks"`
	Countries []string `yaml:"countries"` // ISO 3166: RU

	Deadline    Duration `yaml:"deadline"`
	NoSpeech    Duration `yaml:"no_speech"`
	ReviseFor   Duration `yaml:"revise_for"`
	EndSilence  Duration `yaml:"end_silence"`
	MaxGreeting Duration `yaml:"max_greeting"`

	HumanBelow   float64 `yaml:"human_below"` // probabilities of a machine
	MachineAbove float64 `yaml:"machine_above"`
	AtDeadline   float64 `yaml:"at_deadline"`
	ReviseAbove  float64 `yaml:"revise_above"`
}

// Captures is how talks are written down.
type Captures struct {
	// Format is "line", the code words as they were spoken where the talk is of G.711
	// (else samples), or "pcm", samples of 16 bit always.
	Format string `yaml:"format"`
}

// Trace is where the SIP messages of calls are kept.
type Trace struct {
	MaxBytes Size `yaml:"max_bytes"` // on disk; 0: nothing is kept
	HEP      HEP  `yaml:"hep"`
}

// HEP is a collector that gets a copy of every SIP message.
type HEP struct {
	To   string `yaml:"to"`   // host:port, UDP; "": nobody
	Node int    `yaml:"node"` // the capture node's number
	Key  Secret `yaml:"key"`
}

// Retention is how long things are kept; 0 is for ever.
type Retention struct {
	Captures   Duration `yaml:"captures"`
	Traces     Duration `yaml:"traces"`
	Events     Duration `yaml:"events"`     // calls with all that is theirs, and the events of everything else
	Deliveries Duration `yaml:"deliveries"` // finished ones
	Audit      Duration `yaml:"audit"`
	Recordings Duration `yaml:"recordings"` // rejected, archived and revoked ones
	Campaigns  Duration `yaml:"campaigns"`  // stopped and finished ones, with their contacts
}
