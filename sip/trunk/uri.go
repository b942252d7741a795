package trunk

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"zvonar/internal/calls"
)

// URI is a trunk's address: "sip:host[:port][;transport=udp|tcp|tls]"; "sips:" is
// the same as transport=tls.
type URI struct {
	Host      string     // without brackets
	Addr      netip.Addr // valid where Host is an address
	Port      uint16     // 0: not given
	Transport string     // "udp", "tcp" or "tls"
	// AnyTransport: none was given, so the DNS may name another than UDP.
	AnyTransport bool
}

// The ports of SIP over UDP and TCP, and over TLS (RFC 3261 19.1.2).
const (
	defaultPort    = 5060
	defaultPortTLS = 5061
)

// maxHost is the longest host name (RFC 1035 2.3.4).
const maxHost = 253

// PortOrDefault is the port, or where none is given 5060, over TLS 5061.
func (u URI) PortOrDefault() uint16 {
	switch {
	case u.Port != 0:
		return u.Port
	case u.Transport == "tls":
		return defaultPortTLS
	}
	return defaultPort
}

// HostForURI is the host as it stands in a SIP URI: IPv6 in brackets.
func (u URI) HostForURI() string {
	if u.Addr.Is6() {
		return "[" + u.Host + "]"
	}
	return u.Host
}

// ParseURI reads a trunk's address. A user part is refused: the callee's number
// goes there.
func ParseURI(s string) (URI, error) {
	if !calls.Printable(s) || strings.ContainsAny(s, " <>\"") {
		return URI{}, errors.New("write it like sip:pbx.example.com:5060;transport=udp, without blanks")
	}
	scheme, rest, ok := strings.Cut(s, ":")
	secure := strings.EqualFold(scheme, "sips")
	if !ok || !secure && !strings.EqualFold(scheme, "sip") {
		return URI{}, errors.New(`it must begin with "sip:" or "sips:"`)
	}
	hostport, params, _ := strings.Cut(rest, ";")
	if strings.ContainsAny(hostport, "@?") {
		return URI{}, errors.New("it must not have a user part or headers: only sip:host:port")
	}
	u := URI{Transport: "udp", AnyTransport: true}
	if secure {
		u.Transport, u.AnyTransport = "tls", false
	}
	for p := range strings.SplitSeq(params, ";") {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(name, "transport") {
			u.Transport, u.AnyTransport = strings.ToLower(value), false
		}
	}
	if !slices.Contains([]string{"udp", "tcp", "tls"}, u.Transport) {
		return URI{}, fmt.Errorf("transport %q is not supported; use udp, tcp or tls", u.Transport)
	}
	if secure && u.Transport != "tls" {
		return URI{}, fmt.Errorf("sips: means TLS, which does not go with transport=%s", u.Transport)
	}
	var err error
	if u.Host, u.Port, err = splitHostPort(hostport); err != nil {
		return URI{}, err
	}
	if a, err := netip.ParseAddr(u.Host); err == nil {
		u.Addr = a.Unmap()
		u.Host = u.Addr.String()
	} else if !hostname(u.Host) {
		return URI{}, fmt.Errorf("%q is neither an address nor a host name", u.Host)
	}
	return u, nil
}

// splitHostPort takes "host", "host:port", "[v6]" or "[v6]:port" apart.
func splitHostPort(s string) (string, uint16, error) {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errors.New("the bracket of the IPv6 address is not closed")
		}
		host, port = s[1:end], s[end+1:]
		if port != "" && port[0] != ':' {
			return "", 0, errors.New("after the IPv6 address only :port may follow")
		}
		port = strings.TrimPrefix(port, ":")
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i+1:]
	}
	if port == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	return host, uint16(n), nil
}

func hostname(s string) bool {
	if s == "" || len(s) > maxHost {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return false
		}
	}
	return true
}
