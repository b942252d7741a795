package dtmf

import (
	"encoding/binary"
	"strings"
)

// Alphabet lists the digits; the index is the event code (RFC 4733 3.2).
const Alphabet = "0123456789*#ABCD"

// EventLen is the length of a telephone-event payload in bytes.
const EventLen = 4

// Event is the payload of one telephone-event packet (RFC 4733 2.3).
type Event struct {
	Code     uint8  // 0–15 are the digits
	End      bool   // the press is over
	Volume   uint8  // 0–63: -dBm0 of the tone; meaningless to us on arrival
	Duration uint16 // timestamp units since the press began
}

// Parse reads a payload; what follows the first four bytes is ignored. False if
// it is too short.
func Parse(b []byte) (Event, bool) {
	if len(b) < EventLen {
		return Event{}, false
	}
	return Event{
		Code:     b[0],
		End:      b[1]&0x80 != 0,
		Volume:   b[1] & 0x3F,
		Duration: binary.BigEndian.Uint16(b[2:]),
	}, true
}

// Put writes the payload into b, which holds at least EventLen bytes.
func (e Event) Put(b []byte) {
	b[0], b[1] = e.Code, e.Volume&0x3F
	if e.End {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], e.Duration)
}

// Digit is the event's digit; false for events that are not digits (flash, fax
// tones, …).
func (e Event) Digit() (byte, bool) {
	if int(e.Code) >= len(Alphabet) {
		return 0, false
	}
	return Alphabet[e.Code], true
}

// CodeOf is the event code of a digit; a to d count as A to D.
func CodeOf(digit byte) (uint8, bool) {
	if digit >= 'a' && digit <= 'd' {
		digit -= 'a' - 'A'
	}
	i := strings.IndexByte(Alphabet, digit)
	return uint8(max(i, 0)), i >= 0
}
