package sdp

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// The bounds of what Parse reads.
const (
	MaxSize  = 8 << 10 // bytes
	MaxLines = 256
	MaxMedia = 16
	// maxFormats bounds the formats of one m= line.
	maxFormats = 64
)

// The faults of a description.
var (
	ErrTooLarge = errors.New("the session description is too large")
	ErrNotSDP   = errors.New("the body is not a session description")
)

// Direction of a stream as its sender sees it.
type Direction int

// The directions; SendRecv is the default (RFC 8866 6.7).
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// Codec is one rtpmap.
type Codec struct {
	Name  string // as written
	Clock int
}

// Media is one m= section.
type Media struct {
	Kind      string // "audio", "image", …
	Port      int    // 0: refused
	Proto     string // "RTP/AVP"
	Formats   []string
	Addr      netip.Addr // of its c= line or the session's; invalid for host names
	Direction Direction
	RTPMap    map[uint8]Codec
	FMTP      map[uint8]string
	Ptime     int            // ms, 0: not said
	MaxPtime  int            // ms, 0: not said
	RTCP      netip.AddrPort // where RTCP goes (RFC 3605); port 0: not said
	Mux       bool           // RTCP may come beside the audio (RFC 5761)
	crypto    []crypto       // the keys of SRTP that we can use
}

// Session is a description as far as a telephone needs it.
type Session struct {
	OriginID      string // o= session id, as written
	OriginVersion string
	Media         []Media
}

// reader carries what earlier lines said.
type reader struct {
	out       Session
	addr      netip.Addr // session level c=
	direction Direction  // session level attribute
	lines     int
	seen      bool // v=, o= or m= was there
}

// Parse reads a description. It forgives what real systems get wrong: missing
// lines, any order, bare LF, trailing blanks, unknown lines and transports. It
// refuses only what is too large or has no SDP line at all.
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxSize {
		return nil, ErrTooLarge
	}
	r := &reader{}
	for line := range strings.SplitSeq(string(b), "\n") {
		line = strings.TrimRight(line, "\r \t\x00")
		if line == "" {
			continue
		}
		if r.lines++; r.lines > MaxLines {
			return nil, ErrTooLarge
		}
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		if err := r.line(line[0], strings.TrimSpace(line[2:])); err != nil {
			return nil, err
		}
	}
	if !r.seen {
		return nil, ErrNotSDP
	}
	return &r.out, nil
}

func (r *reader) line(kind byte, value string) error {
	switch kind {
	case 'v':
		r.seen = true
	case 'o':
		r.seen = true
		if f := strings.Fields(value); len(f) >= 3 {
			r.out.OriginID, r.out.OriginVersion = f[1], f[2]
		}
	case 'm':
		r.seen = true
		if len(r.out.Media) == MaxMedia {
			return ErrTooLarge
		}
		m, err := mediaLine(value)
		if err != nil {
			return err
		}
		m.Addr, m.Direction = r.addr, r.direction
		r.out.Media = append(r.out.Media, m)
	case 'c':
		addr := connection(value)
		if m := r.current(); m != nil {
			m.Addr = addr
		} else {
			r.addr = addr
		}
	case 'a':
		r.attribute(value)
	}
	return nil
}

// current is the m= section that lines belong to now, nil at session level.
func (r *reader) current() *Media {
	if n := len(r.out.Media); n > 0 {
		return &r.out.Media[n-1]
	}
	return nil
}

// mediaLine reads "audio 4000[/2] RTP/AVP 8 0 101".
func mediaLine(value string) (Media, error) {
	f := strings.Fields(value)
	if len(f) < 2 {
		return Media{}, ErrNotSDP
	}
	port, _, _ := strings.Cut(f[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Media{}, ErrNotSDP
	}
	m := Media{Kind: strings.ToLower(f[0]), Port: int(n)}
	if len(f) > 2 {
		m.Proto = strings.ToUpper(f[2])
		m.Formats = f[3:]
	}
	if len(m.Formats) > maxFormats {
		m.Formats = m.Formats[:maxFormats]
	}
	return m, nil
}

// connection reads "IN IP4 192.0.2.1[/127]"; a host name gives the invalid
// address: no name is resolved for a stranger's sake.
func connection(value string) netip.Addr {
	f := strings.Fields(value)
	if len(f) < 3 {
		return netip.Addr{}
	}
	host, _, _ := strings.Cut(f[2], "/")
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func (r *reader) attribute(value string) {
	name, arg, _ := strings.Cut(value, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if d, ok := directions[name]; ok {
		if m := r.current(); m != nil {
			m.Direction = d
		} else {
			r.direction = d
		}
		return
	}
	m := r.current()
	if m == nil {
		return
	}
	switch name {
	case "rtpmap":
		if pt, rest, ok := payload(arg); ok {
			m.setMap(pt, rest)
		}
	case "fmtp":
		if pt, rest, ok := payload(arg); ok {
			if m.FMTP == nil {
				m.FMTP = map[uint8]string{}
			}
			m.FMTP[pt] = rest
		}
	case "ptime":
		m.Ptime = millis(arg)
	case "crypto":
		if c, ok := readCrypto(arg); ok && len(m.crypto) < maxCrypto {
			m.crypto = append(m.crypto, c)
		}
	case "rtcp":
		m.RTCP = rtcpAt(arg)
	case "rtcp-mux":
		m.Mux = true
	case "maxptime":
		m.MaxPtime = millis(arg)
	}
}

var directions = map[string]Direction{
	"sendrecv": SendRecv, "sendonly": SendOnly, "recvonly": RecvOnly, "inactive": Inactive,
}

// setMap keeps "PCMA/8000[/1]".
func (m *Media) setMap(pt uint8, value string) {
	parts := strings.Split(strings.TrimSpace(value), "/")
	c := Codec{Name: strings.TrimSpace(parts[0]), Clock: 8000}
	if len(parts) > 1 {
		if n, err := strconv.Atoi(strings.TrimSpace(parts[1])); err == nil && n > 0 {
			c.Clock = n
		}
	}
	if m.RTPMap == nil {
		m.RTPMap = map[uint8]Codec{}
	}
	m.RTPMap[pt] = c
}

// payload reads the payload type that an attribute begins with.
func payload(arg string) (pt uint8, rest string, ok bool) {
	num, rest, _ := strings.Cut(strings.TrimSpace(arg), " ")
	n, err := strconv.ParseUint(num, 10, 8)
	if err != nil || n > 127 {
		return 0, "", false
	}
	return uint8(n), strings.TrimSpace(rest), true
}

// rtcpAt reads "4001[ IN IP4 192.0.2.1]"; without an address it is that of the
// stream.
func rtcpAt(arg string) netip.AddrPort {
	num, at, _ := strings.Cut(strings.TrimSpace(arg), " ")
	port, err := strconv.ParseUint(num, 10, 16)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(connection(at), uint16(port))
}

func millis(arg string) int {
	whole, _, _ := strings.Cut(strings.TrimSpace(arg), ".")
	n, err := strconv.Atoi(whole)
	if err != nil || n <= 0 || n > 200 {
		return 0
	}
	return n
}

// codecOf is what a payload type of m stands for: its rtpmap, or the static
// assignment (RFC 3551 table 4).
func (m *Media) codecOf(pt uint8) Codec {
	if c, ok := m.RTPMap[pt]; ok {
		return c
	}
	switch pt {
	case 0:
		return Codec{"PCMU", 8000}
	case 8:
		return Codec{"PCMA", 8000}
	case 9: // the clock is half of what the codec samples (RFC 3551 4.5.2)
		return Codec{"G722", 8000}
	}
	return Codec{}
}
