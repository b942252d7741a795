package trunk

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
	"zvonar/sip/resolve"
)

// Config is one trunk as configured (DESIGN 4.2).
type Config struct {
	Name       string
	URI        string // "sip:host:port;transport=udp"
	CA         string // file of the authority that its certificate must be of; "": the system's
	Username   string
	Password   string
	Realm      string         // the only one whose challenges are answered; "": any
	AcceptFrom []netip.Prefix // signalling sources besides the address of URI
	MediaFrom  []netip.Prefix // further media sources
	Numbers    []string       // caller numbers; the first is the default
	MaxCalls   int
	MaxCPS     float64
	Codecs     []codec.ID // in order of preference; empty: PCMA, PCMU
	DTMF       DTMF       // "": auto
	SRTP       SRTP       // "": off
	Redirect   bool       // its 3xx may be followed
	Timer      SessionTimer
	PRACK      PRACK // "": off
	// AcceptTransfer: its far ends may ask for transfers (REFER, Replaces).
	AcceptTransfer bool

	Register bool          // we tell its registrar where we are
	Expires  time.Duration // for how long; 0: DefaultExpires
	Probe    time.Duration // between two OPTIONS to each address; 0: none are sent
	// AuthInbound is the user by whose password its calls are taken from anywhere;
	// "": none.
	AuthInbound string
	CallerID    CallerID
	Formats     Numbers
	Headers     map[string]string    // of its INVITEs; {metadata.KEY} is filled by the call
	Outcomes    map[int]calls.Result // what its refusals mean, where it is not the usual
	Proxy       string               // address that all requests go to first; "": the one of URI
}

// DTMF is by which ways a trunk's digits are taken. One press that arrives by
// several of them is one digit.
type DTMF string

// The ways of digits.
const (
	DTMFAuto   DTMF = "auto"    // telephone-events and SIP INFO; tones where no telephone-event was agreed
	DTMFEvents DTMF = "rfc4733" // telephone-events and SIP INFO
	DTMFInfo   DTMF = "info"    // SIP INFO alone
	DTMFInband DTMF = "inband"  // all three
)

// DTMFWays lists the ways of digits.
func DTMFWays() []DTMF { return []DTMF{DTMFAuto, DTMFEvents, DTMFInfo, DTMFInband} }

// SRTP is whether a trunk's sound is encrypted, by keys in the SDP (SDES).
type SRTP string

// The ways of encryption.
const (
	SRTPOff      SRTP = "off"      // never
	SRTPOptional SRTP = "optional" // where the trunk offers it; we offer plain sound
	SRTPRequired SRTP = "required" // always; without it no call
)

// SRTPModes lists them.
func SRTPModes() []SRTP { return []SRTP{SRTPOff, SRTPOptional, SRTPRequired} }

// Trunk is one SIP peer.
type Trunk struct {
	Config
	uri   URI
	proxy URI // zero: none

	// learned are the addresses that a host name has stood for since the start,
	// the latest first: dialogs may live on at an address that the name has left.
	// Until a first call of ours asks for the name there are none, so a trunk with
	// a host name that calls us needs AcceptFrom.
	learned atomic.Pointer[[]netip.Addr]
	mu      sync.Mutex // serialises changes of learned
	// public is where its registrar saw us come from, where that is not what we
	// wrote; routes is the Service-Route that it gave (RFC 3608).
	public       atomic.Pointer[netip.AddrPort]
	routes       atomic.Pointer[[]string]
	registration atomic.Pointer[Registration]
	health       health
}

// maxLearned bounds the addresses remembered for one host name.
const maxLearned = 16

// AnyUser stands for all registered users.
const AnyUser = "*"

// registeredScheme begins the uri of a trunk that is whoever registered with us.
const registeredScheme = "registered:"

// Registered is the user whose contacts the trunk stands for: a PBX on an address
// that changes, or AnyUser: the telephones of all users, by their names. "": the
// trunk has an address of its own.
func (t *Trunk) Registered() string {
	name, ok := strings.CutPrefix(t.URI, registeredScheme)
	if !ok {
		return ""
	}
	return name
}

// Target is the trunk's address as configured.
func (t *Trunk) Target() URI { return t.uri }

// NextHop is the address that requests go to: the outbound proxy, else Target.
func (t *Trunk) NextHop() URI {
	if t.proxy.Host != "" {
		return t.proxy
	}
	return t.uri
}

// Public is the address by which the trunk's registrar knows us; invalid where it
// saw us as we are.
func (t *Trunk) Public() netip.AddrPort {
	if p := t.public.Load(); p != nil {
		return *p
	}
	return netip.AddrPort{}
}

// SetPublic notes Public.
func (t *Trunk) SetPublic(p netip.AddrPort) { t.public.Store(&p) }

// Routes are the values of Route of a request outside a dialog; nil: none.
func (t *Trunk) Routes() []string {
	if p := t.routes.Load(); p != nil {
		return *p
	}
	return nil
}

// SetRoutes notes Routes. The slice must not be changed afterwards.
func (t *Trunk) SetRoutes(list []string) { t.routes.Store(&list) }

// Registration is how the registration of the trunk stands.
func (t *Trunk) Registration() Registration {
	if p := t.registration.Load(); p != nil {
		return *p
	}
	return Registration{Wanted: t.Register}
}

// SetRegistration notes Registration.
func (t *Trunk) SetRegistration(r Registration) { t.registration.Store(&r) }

// CodecsOrDefault is the configured codecs, or PCMA and PCMU.
func (t *Trunk) CodecsOrDefault() []codec.ID {
	if len(t.Codecs) > 0 {
		return t.Codecs
	}
	return []codec.ID{codec.PCMA, codec.PCMU}
}

// DefaultNumber is the first caller number, "" if there is none.
func (t *Trunk) DefaultNumber() string {
	if len(t.Numbers) == 0 {
		return ""
	}
	return t.Numbers[0]
}

// Query is what the DNS is asked for the trunk.
func (t *Trunk) Query() resolve.Query {
	hop := t.NextHop()
	q := resolve.Query{Host: hop.Host, Addr: hop.Addr, Port: hop.Port, Transport: hop.Transport}
	if hop.AnyTransport {
		q.Transport = ""
	}
	return q
}

// Learn notes addresses that the trunk may send from: what its names stand for.
func (t *Trunk) Learn(found []netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.known()
	if !slices.ContainsFunc(found, func(a netip.Addr) bool { return !slices.Contains(known, a) }) {
		return
	}
	fresh := slices.Clone(found)
	for _, a := range known {
		if !slices.Contains(fresh, a) {
			fresh = append(fresh, a)
		}
	}
	if len(fresh) > maxLearned {
		fresh = fresh[:maxLearned]
	}
	t.learned.Store(&fresh)
}

func (t *Trunk) known() []netip.Addr {
	if p := t.learned.Load(); p != nil {
		return *p
	}
	return nil
}

// Accepts reports whether the trunk may send signalling from addr: the address
// of its URI always may, AcceptFrom adds to that.
func (t *Trunk) Accepts(addr netip.Addr) bool { return t.rank(netip.AddrPortFrom(addr, 0)) > 0 }

// The ranks of a match, from strongest; a prefix ranks by its length + 1.
const (
	rankExact = 1000 // address and port of the URI
	rankHost  = 500  // address of the URI
)

// rank says how well from fits the trunk; 0 means not at all.
func (t *Trunk) rank(from netip.AddrPort) int {
	addr := from.Addr().Unmap().WithZone("")
	if addr == t.uri.Addr || t.proxy.Addr.IsValid() && addr == t.proxy.Addr || slices.Contains(t.known(), addr) {
		if from.Port() == t.NextHop().PortOrDefault() || addr == t.uri.Addr && from.Port() == t.uri.PortOrDefault() {
			return rankExact
		}
		return rankHost
	}
	best := 0
	for _, p := range t.AcceptFrom {
		if p.Contains(addr) && p.Bits()+1 > best {
			best = p.Bits() + 1
		}
	}
	return best
}
