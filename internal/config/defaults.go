package config

import (
	"net/netip"
	"time"

	"zvonar/internal/calls"
)

// Default is the configuration where nobody configured anything: a daemon on
// loopback without trunks.
func Default() *Config {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return &Config{
		Node: "a", NodeLease: Duration(30 * time.Second), DataDir: "./data", Store: "sqlite", StoreReserve: 64 << 20, DrainTimeout: Duration(30 * time.Second),
		Log:   Log{Level: "info", Format: "json"},
		HTTP:  HTTP{Listen: "127.0.0.1:8080", Streams: Streams{Max: 100, PerToken: 20}},
		Admin: Admin{Listen: "127.0.0.1:9090"},
		SIP:   SIP{Listen: []string{"udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"}, UserAgent: "zvonar", DSCP: 24, Registrar: Registrar{Least: Duration(time.Minute), Most: Duration(time.Hour), Contacts: 10}},
		Media: Media{DSCP: 46, IP: loopback, Ports: PortRange{20000, 29998}, Codecs: []string{"PCMA", "PCMU", "G722"},
			DeadAir: DeadAir{Never: Duration(30 * time.Second), Lost: Duration(30 * time.Second)}},
		Recordings: Recordings{
			MinDuration: Duration(leastClip), FirstID: 1000001, Approvals: 1, Claim: Duration(10 * time.Minute),
			TTS:     TTS{Timeout: Duration(time.Minute), Voices: Voices{RuMale: "ru", RuFemale: "ru+f3", EnMale: "en", EnFemale: "en+f3"}},
			Storage: Storage{S3: S3{Prefix: "clips/", Region: "us-east-1", Timeout: Duration(30 * time.Second)}},
		},
		Dialer: Dialer{
			Window: calls.Window{From: "09:00", To: "21:00"}, MaxAttemptsPerDay: 3, Countries: []string{"RU"},
			RingTimeout: Duration(45 * time.Second), MaxDuration: Duration(30 * time.Minute), Callbacks: Duration(72 * time.Hour), Retry: calls.RetryPolicy{MaxAttempts: 1},
			Breaker: Breaker{Trunk: TrunkBreaker{Errors: 10, Of: 10, Pause: Duration(30 * time.Second), MostPause: Duration(10 * time.Minute)},
				Campaign: CampaignBreaker{Errors: 20, Of: 20}},
		},
		SMS: SMS{Sender: "file", HTTP: SMSHTTP{Method: "POST", Timeout: Duration(10 * time.Second), Parallel: 8},
			Reports: SMSReports{By: "provider"}},
		Trace:     Trace{MaxBytes: 1 << 30, HEP: HEP{Node: 2001}},
		Bot:       Bot{Zvonobot: BotTrunk},
		Exchanges: Exchanges{Max: 10000, Keep: Duration(7 * day)},
		Captures:  Captures{Format: "line"},
		CDR:       CDR{Format: "csv", Rotation: "daily"},
		Retention: Retention{Captures: Duration(90 * day), Traces: Duration(14 * day), Deliveries: Duration(30 * day)},
	}
}

// setDefaults fills a new element of trunks.
func (t *Trunk) setDefaults() {
	t.MaxCalls, t.MaxCPS, t.DTMF, t.SRTP, t.EarlyMedia = 200, 20, "auto", "off", "listen"
	t.CallerID = CallerID{From: "number", Identity: "none", Called: "uri"}
	t.Expires, t.Options = Duration(10*time.Minute), Duration(10*time.Second)
	t.Transfer, t.AcceptTransfer, t.PRACK = "bridge", transferTalk, "supported"
	t.Timer = SessionTimer{Mode: "accept", Expires: Duration(30 * time.Minute), Min: Duration(leastTimer)}
}

// defaultProviderTimeout is how long a provider may take for its answer.
const defaultProviderTimeout = 10 * time.Second

// setDefaults fills a new element of providers.
func (p *Provider) setDefaults() {
	p.Kind, p.Method = KindHTTP, "POST"
	p.Timeout, p.ExpectTimeout = Duration(defaultProviderTimeout), Duration(time.Minute)
}
