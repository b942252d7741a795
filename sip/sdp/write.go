package sdp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"zvonar/media/codec"
)

// write puts the session lines before the media sections. The o= version grows
// by one whenever the rest differs from what was sent last (RFC 3264 8).
func (e *Endpoint) write(media string) []byte {
	net, addr := family(e.addr.Addr())
	rest := fmt.Sprintf("s=-\r\nc=IN %s %s\r\nt=0 0\r\n%s", net, addr, media)
	if e.last != "" && rest != e.last {
		e.version++
	}
	e.last = rest
	return e.body(rest)
}

// body puts our o= line before the rest.
func (e *Endpoint) body(rest string) []byte {
	net, addr := family(e.addr.Addr())
	return fmt.Appendf(nil, "v=0\r\no=zvonar %d %d IN %s %s\r\n%s", e.id, e.version, net, addr, rest)
}

func family(a netip.Addr) (string, string) {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return "IP6", a.String()
	}
	return "IP4", a.String()
}

// mediaWriter builds our audio section.
type mediaWriter struct {
	addr    netip.AddrPort
	proto   string
	ptime   int
	formats []string
	attrs   strings.Builder
}

func (w *mediaWriter) codec(pt uint8, id codec.ID) {
	w.formats = append(w.formats, strconv.Itoa(int(pt)))
	fmt.Fprintf(&w.attrs, "a=rtpmap:%d %s/8000\r\n", pt, id)
}

// events offers the sixteen DTMF events (RFC 4733 2.5.1.1).
func (w *mediaWriter) events(pt uint8) {
	w.formats = append(w.formats, strconv.Itoa(int(pt)))
	fmt.Fprintf(&w.attrs, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", pt, pt)
}

func (w *mediaWriter) crypto(lines ...crypto) {
	for _, c := range lines {
		w.attrs.WriteString(c.line())
	}
}

func (w *mediaWriter) mux(on bool) {
	if on {
		w.attrs.WriteString("a=rtcp-mux\r\n")
	}
}

func (w *mediaWriter) direction(d Direction) {
	w.attrs.WriteString("a=" + d.String() + "\r\n")
}

// String is the section, m= line first.
func (w *mediaWriter) String() string {
	return fmt.Sprintf("m=audio %d %s %s\r\n%sa=ptime:%d\r\n",
		w.addr.Port(), w.proto, strings.Join(w.formats, " "), w.attrs.String(), w.ptime)
}

// String is the attribute's name.
func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d]
}

// refused mirrors a stream that we do not take, with port 0 (RFC 3264 6). What
// came from outside goes back only if it is plain.
func refused(m *Media) string {
	proto, formats := m.Proto, "0"
	if !token(proto) {
		proto = "RTP/AVP"
	}
	kind := m.Kind
	if !token(kind) {
		kind = "audio"
	}
	if len(m.Formats) > 0 && token(m.Formats[0]) {
		formats = m.Formats[0]
	}
	return fmt.Sprintf("m=%s 0 %s %s\r\n", kind, proto, formats)
}

// token reports whether s may stand in an m= line as it is.
func token(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("/-._+*", r):
		default:
			return false
		}
	}
	return true
}
