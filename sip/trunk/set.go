package trunk

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

// Set is the trunks of a user agent; safe for concurrent use. Whoever holds a
// Trunk keeps it as it was when the set is replaced.
type Set struct{ now atomic.Pointer[list] }

// list is a set at one moment; it never changes.
type list struct {
	all    []*Trunk
	byName map[string]*Trunk
}

// Change is what Replace did to a set. A trunk of which something changed is gone
// as it was and there anew.
type Change struct{ Gone, New []*Trunk }

// maxName bounds a trunk's name: it becomes a metric label.
const maxName = 64

// NewSet checks and keeps the trunks; names are unique. Errors are *calls.Error.
func NewSet(configs []Config) (*Set, error) {
	s := &Set{}
	s.now.Store(&list{})
	_, err := s.Replace(configs)
	return s, err
}

// Replace checks the trunks and takes them instead of those it has; on an error
// nothing changes. Trunks that stay as they are stay the same Trunk, with all that
// is known of them.
func (s *Set) Replace(configs []Config) (Change, error) {
	old := s.now.Load()
	l := &list{byName: make(map[string]*Trunk, len(configs))}
	var c Change
	for _, config := range configs {
		t, err := newTrunk(config)
		if err != nil {
			return Change{}, err
		}
		if _, taken := l.byName[t.Name]; taken {
			return Change{}, calls.Errorf(calls.CodeInvalidField, "two trunks are called %q; give each its own name", t.Name)
		}
		if was, ok := old.byName[t.Name]; ok && reflect.DeepEqual(was.Config, t.Config) {
			t = was
		} else {
			c.New = append(c.New, t)
		}
		l.byName[t.Name] = t
		l.all = append(l.all, t)
	}
	for _, was := range old.all {
		if l.byName[was.Name] != was {
			c.Gone = append(c.Gone, was)
		}
	}
	s.now.Store(l)
	return c, nil
}

func newTrunk(c Config) (*Trunk, error) {
	if c.Name == "" || len(c.Name) > maxName || !calls.Printable(c.Name) {
		return nil, calls.Errorf(calls.CodeInvalidField, "a trunk needs a printable name of at most %d bytes", maxName)
	}
	uri, err := ParseURI(c.URI)
	if name, ok := strings.CutPrefix(c.URI, registeredScheme); ok {
		if uri, err = (URI{Transport: "udp"}), nil; name == "" || !calls.Printable(name) || strings.ContainsAny(name, " @<>\"") {
			err = errors.New("after registered: stands the name of a user, or *")
		}
		if c.Register || c.Proxy != "" {
			err = errors.New("who registers with us is neither registered with nor reached by a proxy; remove register and outbound_proxy")
		}
	}
	if err != nil {
		return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: uri: %v", c.Name, err)
	}
	var proxy URI
	if c.Proxy != "" {
		if proxy, err = ParseURI(c.Proxy); err != nil {
			return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: outbound_proxy: %v", c.Name, err)
		}
	}
	if c.Register && c.Username == "" {
		return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: register needs a username", c.Name)
	}
	if c.Expires == 0 {
		c.Expires = DefaultExpires
	}
	if c.Expires < MinExpires || c.Expires > MaxExpires {
		return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: register_expires is outside %s to %s", c.Name, MinExpires, MaxExpires)
	}
	if !calls.Printable(c.Username) || !calls.Printable(c.Password) || !calls.Printable(c.Realm) {
		return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: username, password and realm must not contain control characters", c.Name)
	}
	for i, p := range c.AcceptFrom {
		if !p.IsValid() {
			return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: accept_from[%d] is not a network such as 192.0.2.0/24", c.Name, i)
		}
	}
	for i, p := range c.MediaFrom {
		if !p.IsValid() {
			return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: media_from[%d] is not a network such as 192.0.2.0/24", c.Name, i)
		}
	}
	for _, id := range c.Codecs {
		if _, known := codec.Lookup(id); !known {
			return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: codec %q is not known; use PCMA, PCMU or G722", c.Name, id)
		}
	}
	if c.DTMF == "" {
		c.DTMF = DTMFAuto
	}
	if err := errors.Join(c.Timer.complete(c.Name), c.PRACK.complete(c.Name)); err != nil {
		return nil, err
	}
	if err := c.checkRules(); err != nil {
		return nil, err
	}
	if c.SRTP == "" {
		c.SRTP = SRTPOff
	}
	if !slices.Contains(SRTPModes(), c.SRTP) {
		return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: srtp %q is not known; use off, optional or required", c.Name, c.SRTP)
	}
	if !slices.Contains(DTMFWays(), c.DTMF) {
		return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: dtmf %q is not known; use auto, rfc4733, info or inband", c.Name, c.DTMF)
	}
	c.AcceptFrom, c.MediaFrom = slices.Clone(c.AcceptFrom), slices.Clone(c.MediaFrom)
	c.Numbers, c.Codecs = slices.Clone(c.Numbers), slices.Clone(c.Codecs)
	return &Trunk{Config: c, uri: uri, proxy: proxy}, nil
}

// Get returns the trunk called name.
func (s *Set) Get(name string) (*Trunk, bool) {
	t, ok := s.now.Load().byName[name]
	return t, ok
}

// OfUser returns the trunk of a user who proved himself by a password: the one
// whose calls he makes, or that he is.
func (s *Set) OfUser(name string) (*Trunk, bool) {
	var any *Trunk
	for _, t := range s.now.Load().all {
		switch r := t.Registered(); {
		case t.AuthInbound == name, r == name && r != AnyUser:
			return t, true
		case r == AnyUser:
			any = t
		}
	}
	return any, any != nil
}

// All returns every trunk in configured order.
func (s *Set) All() []*Trunk { return slices.Clone(s.now.Load().all) }

// Match returns the trunk that may send requests from addr.
func (s *Set) Match(addr netip.Addr) (*Trunk, bool) {
	return s.MatchFrom(netip.AddrPortFrom(addr, 0))
}

// MatchFrom is Match with the source port, which tells apart trunks that share
// an address: the URI's own address and port come first, then its address, then
// the narrowest accept_from, then the order of configuration.
func (s *Set) MatchFrom(from netip.AddrPort) (*Trunk, bool) {
	var best *Trunk
	bestRank := 0
	for _, t := range s.now.Load().all {
		if r := t.rank(from); r > bestRank {
			best, bestRank = t, r
		}
	}
	return best, best != nil
}
