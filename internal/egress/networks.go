package egress

import "net/netip"

// forbidden lists the networks that are not the public internet, or lead back
// from it. Sources: the IANA special-purpose address registries (RFC 6890).
var forbidden = prefixes(
	"0.0.0.0/8",        // this network; 0.0.0.0 is the local host to most kernels
	"10.0.0.0/8",       // private, RFC 1918
	"100.64.0.0/10",    // carrier-grade NAT, RFC 6598
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // a cloud's host agent on a public address
	"169.254.0.0/16",   // link-local, where clouds keep their metadata
	"172.16.0.0/12",    // private, RFC 1918
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.31.196.0/24",  // AS112
	"192.52.193.0/24",  // automatic multicast tunnels
	"192.88.99.0/24",   // relays of 6to4
	"192.168.0.0/16",   // private, RFC 1918
	"192.175.48.0/24",  // AS112
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"::/96",            // unspecified, loopback, IPv4-compatible
	"::ffff:0:0/96",    // IPv4-mapped
	"::ffff:0:0:0/96",  // IPv4-translated
	"64:ff9b::/96",     // NAT64
	"64:ff9b:1::/48",   // NAT64, local use
	"100::/64",         // discard
	"2001::/23",        // Teredo and other protocol assignments
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4
	"3fff::/20",        // documentation
	"5f00::/16",        // segment routing
	"fc00::/7",         // unique local
	"fe80::/10",        // link-local
	"fec0::/10",        // site-local
	"ff00::/8",         // multicast
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// globalV6 is the only part of IPv6 that is given out for the public internet.
var globalV6 = netip.MustParsePrefix("2000::/3")

// public reports whether a is an address of the public internet.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	for _, p := range forbidden {
		if p.Contains(a) {
			return false
		}
	}
	return a.Is4() || globalV6.Contains(a)
}
