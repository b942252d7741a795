package egress

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// exception is one entry of egress.allow: a network or a host, at one port or
// at any (0).
type exception struct {
	prefix netip.Prefix // valid for a network
	host   string       // for a name, lower case
	port   uint16
}

// parseException reads "10.1.0.0/16", "127.0.0.1:9000", "[fd00::1]:80",
// "hooks.corp.example", "hooks.corp.example:8443", "10.1.0.0/16:8080".
func parseException(s string) (exception, error) {
	bad := fmt.Errorf("egress.allow: %q is not a network, an address or a host name, each with an optional :port", s)
	host, port := strings.TrimSpace(s), ""
	switch i := strings.LastIndexByte(host, ':'); {
	case strings.HasPrefix(host, "["):
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return exception{}, bad
		}
		rest := host[end+1:]
		host = host[1:end]
		if slash, tail, found := strings.Cut(rest, ":"); found || rest != "" {
			host, port = host+slash, tail
			if found && port == "" {
				return exception{}, bad
			}
		}
	case i >= 0 && strings.Count(host, ":") == 1:
		host, port = host[:i], host[i+1:]
		if port == "" {
			return exception{}, bad
		}
	}
	var e exception
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return exception{}, bad
		}
		e.port = uint16(n)
	}
	if p, err := netip.ParsePrefix(host); err == nil {
		e.prefix = p.Masked()
		return e, nil
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		e.prefix = netip.PrefixFrom(a, a.BitLen())
		return e, nil
	}
	e.host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !validName(e.host) || numericName(e.host) {
		return exception{}, bad
	}
	return e, nil
}

func (e exception) atPort(port uint16) bool { return e.port == 0 || e.port == port }

// allowsAddr reports whether an exception opens address a at port.
func (g *Guard) allowsAddr(a netip.Addr, port uint16) bool {
	return slices.ContainsFunc(g.allow, func(e exception) bool {
		return e.prefix.IsValid() && e.prefix.Contains(a) && e.atPort(port)
	})
}

// allowsHost reports whether an exception names host at port: then the host may
// be wherever it is.
func (g *Guard) allowsHost(host string, port uint16) bool {
	return slices.ContainsFunc(g.allow, func(e exception) bool {
		return e.host != "" && e.host == host && e.atPort(port)
	})
}

// validName reports whether s is a host name of letters, digits, hyphens and
// underscores, in labels of 1–63, at most 253 long.
func validName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// numericName reports whether some resolver would read s as an IPv4 address in
// decimal, octal or hex (inet_aton): its last label is a number.
func numericName(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}
