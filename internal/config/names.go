package config

import "net/netip"

// nameServer reads ADDRESS or ADDRESS:PORT.
func (SIP) nameServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	return netip.ParseAddrPort(s)
}

// NameServers are the configured name servers; none: those of the system.
func (s SIP) NameServers() (list []netip.AddrPort) {
	for _, text := range s.DNS {
		if a, err := s.nameServer(text); err == nil {
			list = append(list, a)
		}
	}
	return list
}
