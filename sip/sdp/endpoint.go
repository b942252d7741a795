package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/media"
	"zvonar/media/codec"
)

// The faults of an offer or answer.
var (
	ErrNoCodec  = errors.New("no audio stream with a codec that we speak was described")
	ErrNoKeys   = errors.New("the answer encrypts the audio otherwise than was offered, or not at all")
	ErrNoAnswer = errors.New("the answer does not belong to our offer")
)

// telephoneEvent is the payload type of RFC 4733 events in our offers.
const telephoneEvent = 101

// eventName is the rtpmap name of RFC 4733 events.
const eventName = "telephone-event"

// Agreed is what an offer and its answer came to.
type Agreed struct {
	Remote      netip.AddrPort // where to send; invalid: nowhere (hold by c=0.0.0.0)
	Codec       codec.ID
	PayloadType uint8   // what we send; the far end's number
	DTMFPayload uint8   // far end's telephone-event number for sending, 0: none
	DTMFReceive []uint8 // numbers under which events may arrive
	Ptime       time.Duration
	Reports     netip.AddrPort // where RTCP goes; invalid: the port behind Remote
	Mux         bool           // RTCP goes beside the audio
	Keys        *media.Keys    // of SRTP; nil: plain
	Send        bool           // false: we are on hold
	Receive     bool
}

// Endpoint is our side of one dialog's session. It belongs to one goroutine.
type Endpoint struct {
	addr    netip.AddrPort
	codecs  []codec.ID
	id      uint32 // o= session id, < 2^31: larger ones overflow some peers
	version uint32
	last    string // the last body without its o= line: the version grows only on change
	settled string // the same of the last one that was agreed on
	pinned  codec.ID
	held    bool // we hold the far end

	// What the session looks like since their last offer: a number keeps its
	// meaning and a stream its place in every later offer of ours (RFC 3264 8).
	payload uint8 // of pinned; used once before is set
	events  uint8 // of telephone-event
	mux     bool  // RTCP beside the audio was agreed

	security Security
	masters  map[media.Suite]media.Master // our keys
	agreed   *crypto                      // the line agreed on; nil: none yet, or plain
	secure   bool                         // what we offer is SRTP
	before   []string                     // refused streams before the audio
	after    []string                     // and behind it
}

// NewEndpoint makes the side that receives RTP at addr and speaks codecs, best
// first. id distinguishes the session (its low 30 bits are used).
func NewEndpoint(addr netip.AddrPort, codecs []codec.ID, id uint32) *Endpoint {
	return &Endpoint{addr: addr, codecs: slices.Clone(codecs), id: id&(1<<30-1) | 1, version: 1, events: telephoneEvent}
}

// Secure says whether the audio is encrypted; before anything was offered.
func (e *Endpoint) Secure(s Security) { e.security, e.secure = s, s == Required }

// Hold says whether later offers and answers of ours hold the far end: we go on
// sending (music, a clip) and do not listen.
func (e *Endpoint) Hold(on bool) { e.held = on }

// Held reports what Hold said last.
func (e *Endpoint) Held() bool { return e.held }

// Refresh is the description agreed on last, with its o= line as it was: an
// offer that changes nothing (RFC 4028 7.4). Before an agreement it is an Offer.
func (e *Endpoint) Refresh() []byte {
	if e.settled == "" {
		return e.Offer()
	}
	return e.body(e.settled)
}

// Offer describes what we would like: every codec (after an agreement only the
// agreed one), telephone-event, both directions unless we hold. Streams that were
// refused before stay in their places.
func (e *Endpoint) Offer() []byte {
	list := e.codecs
	if e.pinned != "" {
		list = []codec.ID{e.pinned}
	}
	w := &mediaWriter{addr: e.addr, proto: "RTP/AVP", ptime: 20}
	if e.secure {
		w.proto = "RTP/SAVP"
		w.crypto(e.offerCrypto()...)
	}
	for _, id := range list {
		w.codec(e.number(id), id)
	}
	w.events(e.events)
	w.mux(e.mux)
	if e.held {
		w.direction(SendOnly)
	} else {
		w.direction(SendRecv)
	}
	return e.write(strings.Join(e.before, "") + w.String() + strings.Join(e.after, ""))
}

// Offered is what can be said of the session before our offer is answered: we
// listen, and events come under our number. Without their keys SRTP cannot be heard.
func (e *Endpoint) Offered() Agreed {
	return Agreed{DTMFReceive: receiveNumbers(e.events), Ptime: 20 * time.Millisecond, Receive: !e.held && !e.secure}
}

// number is the payload type of a codec in our offers.
func (e *Endpoint) number(id codec.ID) uint8 {
	if id == e.pinned && e.payload != 0 {
		return e.payload
	}
	return staticPayload(id)
}

// Answer agrees to an offer: the first codec in their order that we speak (after
// an agreement the agreed one, if it is still there), their numbers, the
// inverted direction, port 0 for every other stream, in the same order. An offer
// that cannot be agreed to leaves the endpoint as it was.
func (e *Endpoint) Answer(offer *Session) ([]byte, Agreed, error) {
	chosen, pick := e.choose(offer)
	if chosen < 0 {
		return nil, Agreed{}, ErrNoCodec
	}
	e.before, e.after = nil, nil
	for i := range offer.Media {
		switch {
		case i < chosen:
			e.before = append(e.before, refused(&offer.Media[i]))
		case i > chosen:
			e.after = append(e.after, refused(&offer.Media[i]))
		}
	}
	m := &offer.Media[chosen]
	w := &mediaWriter{addr: e.addr, proto: m.Proto, ptime: int(pick.Ptime / time.Millisecond)}
	e.agreed = nil
	if e.secure, _ = e.takes(m); e.secure {
		var line crypto
		line, pick.Keys = e.chooseCrypto(m)
		e.agreed = &line
		w.crypto(line)
	}
	w.codec(pick.PayloadType, pick.Codec)
	if pick.DTMFPayload != 0 {
		w.events(pick.DTMFPayload)
	}
	w.mux(pick.Mux)
	direction := m.Direction.invert()
	if e.held {
		direction = direction.deaf()
		pick.Receive = false
	}
	w.direction(direction)
	e.pinned, e.payload, e.events, e.mux = pick.Codec, pick.PayloadType, m.freeNumber(pick.DTMFPayload), pick.Mux
	pick.DTMFReceive = receiveNumbers(pick.DTMFPayload)
	body := e.write(strings.Join(e.before, "") + w.String() + strings.Join(e.after, ""))
	e.settled = e.last
	return body, pick, nil
}

// Accept reads the answer to our last Offer.
func (e *Endpoint) Accept(answer *Session) (Agreed, error) {
	if len(answer.Media) == 0 {
		return Agreed{}, ErrNoAnswer
	}
	chosen, pick := e.choose(answer)
	if chosen < 0 {
		return Agreed{}, ErrNoCodec
	}
	if secure, _ := e.takes(&answer.Media[chosen]); secure != e.secure {
		return Agreed{}, ErrNoKeys
	} else if secure {
		line, keys := e.acceptCrypto(&answer.Media[chosen])
		if keys == nil {
			return Agreed{}, ErrNoKeys
		}
		e.agreed, pick.Keys = &line, keys
	}
	if e.held {
		pick.Receive = false // whatever they say
	}
	pick.Mux = pick.Mux && e.mux // who was not offered it may not ask for it
	e.pinned, e.settled, e.mux = pick.Codec, e.last, pick.Mux
	// They send events under the number we offered; some send under their own.
	pick.DTMFReceive = receiveNumbers(e.events)
	if pick.DTMFPayload != 0 && pick.DTMFPayload != e.events {
		pick.DTMFReceive = append(pick.DTMFReceive, pick.DTMFPayload)
	}
	return pick, nil
}

// Pinned is the codec agreed so far, "" before an agreement.
func (e *Endpoint) Pinned() codec.ID { return e.pinned }

// choose finds the audio stream and codec to use; -1 if there is none.
func (e *Endpoint) choose(s *Session) (int, Agreed) {
	for i := range s.Media {
		m := &s.Media[i]
		if m.Kind != "audio" || m.Port == 0 {
			continue
		}
		if _, ok := e.takes(m); !ok {
			continue
		}
		id, pt, ok := e.pick(m)
		if !ok {
			continue
		}
		a := Agreed{
			Codec: id, PayloadType: pt, DTMFPayload: m.eventNumber(), Ptime: m.ptime(),
			Send:    m.Direction == SendRecv || m.Direction == RecvOnly,
			Receive: m.Direction == SendRecv || m.Direction == SendOnly,
		}
		if m.Addr.IsValid() && !m.Addr.IsUnspecified() {
			a.Remote = netip.AddrPortFrom(m.Addr, uint16(m.Port))
			a.Reports, a.Mux = m.reports(), m.Mux
		} else {
			a.Send = false // hold in the old manner, or an address we cannot use
		}
		return i, a
	}
	return -1, Agreed{}
}

// pick is the first codec of m, in its order, that we speak; the pinned one wins.
func (e *Endpoint) pick(m *Media) (codec.ID, uint8, bool) {
	var first codec.ID
	var firstPT uint8
	for _, f := range m.Formats {
		n, err := strconv.ParseUint(f, 10, 8)
		if err != nil || n > 127 {
			continue
		}
		c := m.codecOf(uint8(n))
		id := codec.ID(strings.ToUpper(c.Name))
		if c.Clock != 8000 || !slices.Contains(e.codecs, id) {
			continue
		}
		if id == e.pinned {
			return id, uint8(n), true
		}
		if first == "" {
			first, firstPT = id, uint8(n)
		}
	}
	return first, firstPT, first != ""
}

// reports is where m says that RTCP goes, invalid where it does not.
func (m *Media) reports() netip.AddrPort {
	switch {
	case m.RTCP.Port() == 0:
		return netip.AddrPort{}
	case !m.RTCP.Addr().IsValid() || m.RTCP.Addr().IsUnspecified():
		return netip.AddrPortFrom(m.Addr, m.RTCP.Port())
	}
	return m.RTCP
}

// eventNumber is the payload type of 8 kHz telephone-event in m, 0 if none.
func (m *Media) eventNumber() uint8 {
	for _, f := range m.Formats {
		n, err := strconv.ParseUint(f, 10, 8)
		if err != nil || n > 127 {
			continue
		}
		if c := m.codecOf(uint8(n)); strings.EqualFold(c.Name, eventName) && c.Clock == 8000 {
			return uint8(n)
		}
	}
	return 0
}

// ptime is the packet time asked for, if it is one we send, else 20 ms.
func (m *Media) ptime() time.Duration {
	ms := m.Ptime
	if m.MaxPtime > 0 && (ms == 0 && m.MaxPtime < 20 || ms > m.MaxPtime) {
		ms = m.MaxPtime
	}
	switch ms {
	case 10, 20, 30, 40, 60:
		return time.Duration(ms) * time.Millisecond
	}
	return 20 * time.Millisecond
}

func (d Direction) invert() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// deaf is the direction of a side that does not listen.
func (d Direction) deaf() Direction {
	if d == SendRecv || d == SendOnly {
		return SendOnly
	}
	return Inactive
}

// freeNumber is the number of telephone-event in later offers of ours: theirs, or
// where they have none one that their stream does not use.
func (m *Media) freeNumber(theirs uint8) uint8 {
	if theirs != 0 {
		return theirs
	}
	for n := uint8(telephoneEvent); n < 127; n++ {
		if _, used := m.RTPMap[n]; !used && !slices.Contains(m.Formats, strconv.Itoa(int(n))) {
			return n
		}
	}
	return telephoneEvent
}

func receiveNumbers(pt uint8) []uint8 {
	if pt == 0 {
		return nil
	}
	return []uint8{pt}
}

// staticPayload is a codec's number in our offers (RFC 3551 table 4).
func staticPayload(id codec.ID) uint8 {
	info, _ := codec.Lookup(id)
	return info.PayloadType
}
