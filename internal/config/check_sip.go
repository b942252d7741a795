package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// knownCodecs are the codecs that may be named.
var knownCodecs = []string{"PCMA", "PCMU", "G722"}

func checkSIP(cfg *Config, r *report) {
	if len(cfg.SIP.Listen) == 0 {
		r.bad("sip.listen", "the user agent needs an address; write it like [udp://127.0.0.1:5060]")
	}
	for i, l := range cfg.SIP.Listen {
		at := element("sip.listen", i)
		addr, err := listener(l)
		switch {
		case err != "":
			r.bad(at, "%s: %s", quote(l), err)
		case addr.Addr().IsUnspecified() && !cfg.SIP.Advertise.IsValid():
			r.bad(at, "%s listens on every address, so peers must be told one; set sip.advertise", quote(l))
		}
	}
	unique(r, "sip.listen", cfg.SIP.Listen, "", self)
	r.tls("sip.tls", cfg.SIP.TLS)
	for i, l := range cfg.SIP.Listen {
		if strings.HasPrefix(l, "tls://") && !cfg.SIP.TLS.On() {
			r.bad(element("sip.listen", i), "%s needs a certificate; set sip.tls.cert and sip.tls.key", quote(l))
		}
	}
	r.advertise("sip.advertise", cfg.SIP.Advertise)
	checkSIPUsers(cfg, r)
	for i, s := range cfg.SIP.DNS {
		if _, err := cfg.SIP.nameServer(s); err != nil {
			r.bad(element("sip.dns", i), "%s is not the address of a name server; write it like 192.0.2.53 or 127.0.0.1:5353", quote(s))
		}
	}
	if agent := cfg.SIP.UserAgent; agent == "" || len(agent) > 128 {
		r.bad("sip.user_agent", "must have 1 to 128 characters")
	}
}

// listener reads udp://ADDRESS:PORT; why says what is wrong with it.
func listener(s string) (addr netip.AddrPort, why string) {
	scheme, rest, _ := strings.Cut(s, "://")
	switch scheme {
	case "udp", "tcp", "tls":
	case "ws", "wss":
		return addr, "SIP over WebSocket is not available in this version; use udp://, tcp:// or tls://"
	default:
		return addr, "write it like udp://192.0.2.10:5060, tcp://[2001:db8::10]:5060 or tls://192.0.2.10:5061"
	}
	addr, err := netip.ParseAddrPort(rest)
	if err != nil {
		return addr, "after the transport stands an IP address and a port, like udp://192.0.2.10:5060"
	}
	return addr, ""
}

// advertise reports an address that nobody could send to.
func (r *report) advertise(path string, addr netip.Addr) {
	if addr.IsValid() && (addr.IsUnspecified() || addr.IsMulticast()) {
		r.bad(path, "nobody can send to %s; write the address that trunks can reach", addr)
	}
}

func checkMedia(cfg *Config, r *report) {
	for _, d := range []struct {
		at    string
		value int
	}{{"sip.dscp", cfg.SIP.DSCP}, {"media.dscp", cfg.Media.DSCP}} {
		if d.value < 0 || d.value > 63 {
			r.bad(d.at, "%d is no DSCP: 0 (unmarked) to 63; 46 is voice (EF), 24 and 26 are signalling (CS3, AF31)", d.value)
		}
	}
	m := cfg.Media
	switch {
	case !m.IP.IsValid():
		r.bad("media.ip", "an IP address of this machine is needed for RTP, like 127.0.0.1")
	case m.IP.IsUnspecified() && !m.Advertise.IsValid():
		r.bad("media.ip", "%s is every address, so peers must be told one; set media.advertise", m.IP)
	}
	r.advertise("media.advertise", m.Advertise)
	for name, d := range map[string]Duration{"never": m.DeadAir.Never, "lost": m.DeadAir.Lost, "held": m.DeadAir.Held} {
		if d != 0 {
			r.between(join("media.dead_air", name), d, time.Second, 4*time.Hour)
		}
	}
	switch p := m.Ports; {
	case p.Min < 1024:
		r.bad("media.ports", "%s begins below 1024; write a range like 20000-29998", p)
	case p.Min%2 != 0:
		r.bad("media.ports", "%s begins with an odd port; RTP uses even ones, begin with %d", p, p.Min+1)
	case p.Max <= p.Min:
		r.bad("media.ports", "%s ends before it begins; write a range like 20000-29998", p)
	default:
		checkOverlap(cfg, r)
	}
	r.codecs("media.codecs", m.Codecs)
	if len(m.Codecs) == 0 {
		r.bad("media.codecs", "at least one codec is needed, like [PCMA, PCMU]")
	}
}

// checkOverlap reports a SIP port among the ports for RTP.
func checkOverlap(cfg *Config, r *report) {
	for _, l := range cfg.SIP.Listen {
		addr, why := listener(l)
		port := int(addr.Port())
		if why == "" && strings.HasPrefix(l, "udp:") && port >= cfg.Media.Ports.Min && port <= cfg.Media.Ports.Max {
			r.bad("media.ports", "%s holds port %d, on which SIP listens; move one of them", cfg.Media.Ports, port)
		}
	}
}

func (r *report) codecs(path string, list []string) {
	for i, c := range list {
		r.oneOf(element(path, i), c, knownCodecs...)
	}
	unique(r, path, list, "", self)
}

// maxRealm bounds the realm of a trunk.
const maxRealm = 256

func checkTrunks(cfg *Config, r *report) {
	for i, t := range cfg.Trunks {
		at := element("trunks", i)
		r.name(join(at, "name"), t.Name)
		if why := trunkURI(t.URI); why != "" && !strings.HasPrefix(t.URI, registeredScheme) {
			r.bad(join(at, "uri"), "%s", why)
		}
		if t.CA != "" {
			r.authorities(join(at, "ca"), t.CA)
		}
		if t.Register && t.Username == "" {
			r.bad(join(at, "username"), "a trunk with register: true needs the username that its registrar knows us by")
		}
		r.between(join(at, "register_expires"), t.Expires, 30*time.Second, 24*time.Hour)
		if t.Options != 0 {
			r.between(join(at, "options"), t.Options, time.Second, time.Hour)
		}
		r.registered(cfg, at, t)
		r.numberRules(at, t)
		if why := trunkURI(t.Proxy); t.Proxy != "" && why != "" {
			r.bad(join(at, "outbound_proxy"), "%s", why)
		}
		if t.Username == "" && t.Password != "" {
			r.bad(join(at, "username"), "there is a password without a username; set it, or remove the password")
		}
		if len(t.Realm) > maxRealm {
			r.bad(join(at, "realm"), "a realm has at most %d bytes; copy it from the trunk's 401 or 407", maxRealm)
		}
		r.networks(join(at, "accept_from"), t.AcceptFrom)
		r.networks(join(at, "media_from"), t.MediaFrom)
		r.numbers(join(at, "numbers"), t.Numbers)
		if t.MaxCalls < 0 || t.MaxCalls > 30000 {
			r.bad(join(at, "max_calls"), "%d is outside 0 to 30000 (0 is no limit)", t.MaxCalls)
		}
		if t.MaxCPS < 0 || t.MaxCPS > 1000 {
			r.bad(join(at, "max_cps"), "%v is outside 0 to 1000 (0 is no limit)", t.MaxCPS)
		}
		r.codecs(join(at, "codecs"), t.Codecs)
		r.oneOf(join(at, "dtmf"), t.DTMF, "auto", "rfc4733", "info", "inband")
		r.oneOf(join(at, "srtp"), t.SRTP, "off", "optional", "required")
		r.oneOf(join(at, "transfer"), t.Transfer, "bridge", "refer")
		r.oneOf(join(at, "accept_transfer"), t.AcceptTransfer, transferTalk, transferOff)
		r.oneOf(join(at, "prack"), t.PRACK, "off", "supported", "required")
		r.sessionTimer(join(at, "session_timer"), t.Timer)
		r.oneOf(join(at, "early_media"), t.EarlyMedia, "listen", "hangup", "off")
	}
	unique(r, "trunks", cfg.Trunks, "name", func(t Trunk) string { return t.Name })
}

// leastTimer is the shortest interval of RFC 4028.
const leastTimer = 90 * time.Second

// sessionTimer reports intervals that no session can have.
func (r *report) sessionTimer(at string, t SessionTimer) {
	r.oneOf(join(at, "mode"), t.Mode, "off", "accept", "require")
	switch {
	case t.Min.Duration() < leastTimer:
		r.bad(join(at, "min"), "%s is less than RFC 4028 allows; write %s or more", t.Min, Duration(leastTimer))
	case t.Expires < t.Min:
		r.bad(join(at, "expires"), "%s is less than min, %s", t.Expires, t.Min)
	case t.Expires > Duration(day):
		r.bad(join(at, "expires"), "%s is more than a day", t.Expires)
	}
}

// networks reports networks that let in everybody.
func (r *report) networks(path string, list []Network) {
	for i, n := range list {
		if n.IsValid() && n.Bits() == 0 {
			r.bad(element(path, i), "%s is everybody; name the networks of the trunk", n)
		}
	}
}

// trunkURI says what is wrong with a trunk's address, "" if nothing.
func trunkURI(s string) string {
	const example = "write it like sip:pbx.example.com:5060;transport=udp"
	scheme, rest, _ := strings.Cut(s, ":")
	if s == "" {
		return "the address of the trunk is needed; " + example
	}
	secure := strings.EqualFold(scheme, "sips")
	if !secure && !strings.EqualFold(scheme, "sip") {
		return quote(s) + " does not begin with sip: or sips:; " + example
	}
	hostPort, params, hasParams := strings.Cut(rest, ";")
	if strings.ContainsAny(s, " <>\"?@") || !calls.Printable(s) {
		return "it must not have a user part, headers, blanks or quotes; " + example // not quoted: it may hold a password
	}
	if hasParams {
		for p := range strings.SplitSeq(params, ";") {
			name, value, _ := strings.Cut(p, "=")
			if !strings.EqualFold(name, "transport") {
				continue
			}
			if !slices.Contains([]string{"udp", "tcp", "tls"}, strings.ToLower(value)) {
				return "transport " + quote(value) + " is not available; use udp, tcp or tls"
			}
			if secure && !strings.EqualFold(value, "tls") {
				return "sips: means TLS, which does not go with transport=" + value
			}
		}
	}
	if !sipHost(hostPort) {
		return quote(hostPort) + " is not a host with an optional port; " + example
	}
	return ""
}

// sipHost reports whether s is host, host:port, [v6] or [v6]:port.
func sipHost(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		addr, rest, ok := strings.Cut(s[1:], "]")
		a, err := netip.ParseAddr(addr)
		if !ok || err != nil || !a.Is6() || rest != "" && rest[0] != ':' {
			return false
		}
		host, port = "", rest
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i:]
	}
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 {
			return false
		}
	}
	if strings.HasPrefix(s, "[") {
		return true
	}
	return host != "" && len(host) <= 253 && !strings.ContainsFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
	})
}

// telephone reports whether s is a number as trunks have them.
func telephone(s string) bool {
	return len(s) >= 2 && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

func checkInbound(cfg *Config, r *report) {
	for i, in := range cfg.Inbound {
		at := element("inbound", i)
		r.userPart(join(at, "number"), in.Number)
		if in.Trunk != "" {
			r.trunk(cfg, join(at, "trunk"), in.Trunk)
		}
		checkInboundRouter(cfg, r, join(at, "router"), in.Router)
		if in.Flow.Record == "" && !in.Flow.AnswerOnly && !r.faulty(join(at, "flow")) {
			r.bad(at, "the flow that runs is missing; write flow: {record: ID}")
		}
	}
	unique(r, "inbound", cfg.Inbound, "number", func(in Inbound) string { return in.Number + "@" + in.Trunk })
}

// faulty reports whether something at or below path was reported already.
func (r *report) faulty(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return strings.HasPrefix(p.Path, path) })
}

// userPart reports what cannot be the user part of a Request-URI.
func (r *report) userPart(path, s string) {
	if s == "" || len(s) > 64 || strings.ContainsAny(s, " <>\"@;:?/") || !calls.Printable(s) {
		r.bad(path, "%s is not a number or extension; write what stands before the @ in the trunk's INVITE", quote(s))
	}
}

// trunk reports the name of a trunk that is not there.
func (r *report) trunk(cfg *Config, path, name string) {
	names := make([]string, len(cfg.Trunks))
	for i, t := range cfg.Trunks {
		names[i] = t.Name
	}
	if !slices.Contains(names, name) {
		r.bad(path, "there is no trunk %s%s; add it to trunks", quote(name), suggestion(name, names))
	}
}

// numbers reports caller numbers that are none, or are given twice.
func (r *report) numbers(path string, list []string) {
	for i, n := range list {
		if !telephone(n) {
			r.bad(element(path, i), "%s is not a number; write 2 to 20 digits and nothing else", quote(n))
		}
	}
	unique(r, path, list, "", self)
}
