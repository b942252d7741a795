// Package trunk holds what is configured and known of each SIP peer: where its
// requests may come from, where ours go, its credentials and numbers.
package trunk

import (
	"net/netip"

	"zvonar/media/codec"
)

// Config is one trunk as configured (DESIGN 4.2).
type Config struct {
	Name       string
	URI        string // "sip:host:port;transport=udp"
	Username   string
	Password   string
	AcceptFrom []netip.Prefix // signalling sources; empty: the address of URI only
	MediaFrom  []netip.Prefix // further media sources
	Numbers    []string       // caller numbers; the first is the default
	MaxCalls   int
	MaxCPS     float64
	Codecs     []codec.ID // in order of preference; empty: PCMA, PCMU
}

// Set is the trunks of a user agent; safe for concurrent use.
type Set struct{}

// NewSet checks and keeps the trunks; names are unique.
func NewSet([]Config) (*Set, error) { panic("contract") }

// Get returns the trunk called name.
func (s *Set) Get(name string) (*Trunk, bool) { panic("contract") }

// All returns every trunk in configured order.
func (s *Set) All() []*Trunk { panic("contract") }

// Match returns the trunk that may send requests from addr.
func (s *Set) Match(addr netip.Addr) (*Trunk, bool) { panic("contract") }

// Trunk is one SIP peer.
type Trunk struct{ Config }
