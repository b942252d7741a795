package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// masked is what is shown of a secret.
const masked = "***"

// Secret is a string that no log, error or document shows: everything that
// prints it gets "***". Reveal gives the value.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the secret from JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML hides the secret from YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

const day = 24 * time.Hour

// maxDuration keeps a Duration far from overflow.
const maxDuration = 36500 * day

// Duration is a span of time, never negative: "7s", "1m30s", "90d", "0".
type Duration time.Duration

// Duration is d as the standard library knows it.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

// String writes what UnmarshalText reads.
func (d Duration) String() string {
	if t := time.Duration(d); t != 0 && t%day == 0 {
		return strconv.FormatInt(int64(t/day), 10) + "d"
	}
	return time.Duration(d).String()
}

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a Go duration that may begin with days.
func (d *Duration) UnmarshalText(b []byte) error {
	bad := fmt.Errorf("%s is not a duration; write it like 30s, 5m, 12h or 90d", quote(string(b)))
	var total time.Duration
	days, rest, hasDays := strings.Cut(string(b), "d")
	if !hasDays {
		rest = string(b)
	} else {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > uint64(maxDuration/day) {
			return bad
		}
		total = time.Duration(n) * day
	}
	if rest != "" || !hasDays {
		t, err := time.ParseDuration(rest)
		if err != nil || t < 0 || t > maxDuration {
			return bad
		}
		total += t
	}
	if total > maxDuration {
		return bad
	}
	*d = Duration(total)
	return nil
}

// PortRange is "20000-29998": the first and the last UDP port.
type PortRange struct{ Min, Max int }

// String writes what UnmarshalText reads.
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.Min, r.Max) }

// MarshalText is String.
func (r PortRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads two ports; check judges them.
func (r *PortRange) UnmarshalText(b []byte) error {
	low, high, _ := strings.Cut(string(b), "-")
	from, err1 := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	to, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("%s is not a range of ports; write it like 20000-29998", quote(string(b)))
	}
	*r = PortRange{int(from), int(to)}
	return nil
}

// Network is a prefix; an address alone is the network of that one address.
type Network struct{ netip.Prefix }

// UnmarshalText reads "192.0.2.0/24" or "192.0.2.7".
func (n *Network) UnmarshalText(b []byte) error {
	s := string(b)
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		n.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("%s is neither an address nor a network; write it like 192.0.2.7 or 192.0.2.0/24", quote(s))
	}
	if p != p.Masked() {
		return fmt.Errorf("%s has bits behind its length; did you mean %s?", quote(s), p.Masked())
	}
	n.Prefix = p
	return nil
}

// maxQuoted is how much of a wrong value is shown back, in bytes.
const maxQuoted = 60

// quote shows a value in a message.
func quote(s string) string {
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "…"
	}
	return strconv.Quote(s)
}
