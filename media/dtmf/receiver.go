package dtmf

// Receiver turns telephone-event packets into digits. One press is the key
// (SSRC, timestamp, event): every packet of it says the same, so the first that
// arrives, whichever it is, is the digit, and all others of that key are not.
// Lost starts, lost ends, repeats and reordering need no further rule.
//
// The zero value is ready for use.
type Receiver struct {
	seen  [remembered]press
	count int // presses ever seen; the newest is at (count-1) % remembered
}

// remembered presses guard against late packets; at ten presses a second they
// reach back longer than any network delays.
const remembered = 16

// A packet of an unknown press that is older than the newest press belongs to
// one that was forgotten, if it is more than late packets behind and at most
// lateSpan timestamp units. Both are asked, because either alone comes round: the
// sequence number of 16 bits does within 22 minutes of talk, and a far end may
// begin its timestamp anew.
const (
	late     = 100
	lateSpan = 60 * 8000 // a minute
)

// A long press is cut into segments of at most 65535 timestamp units (RFC 4733
// 2.5.1.3); some senders cut at 65536.
const (
	segmentMin = 0xFFFF - 480
	segmentMax = 0x10000
)

type press struct {
	ssrc, timestamp uint32
	code            uint8
	ended           bool
	duration        uint16 // longest seen
	sequence        uint16 // of the newest packet
}

// Packet takes the header fields and payload of a telephone-event packet.
// digit is valid if ok: a press that was not reported yet.
func (r *Receiver) Packet(ssrc, timestamp uint32, sequence uint16, marker bool, payload []byte) (digit byte, ok bool) {
	e, valid := Parse(payload)
	if !valid {
		return 0, false
	}
	digit, isDigit := e.Digit()
	if !isDigit {
		return 0, false
	}
	if p := r.find(ssrc, timestamp, e.Code); p != nil {
		p.update(e, sequence)
		return 0, false
	}
	continued := false
	if last := r.newest(); last != nil && last.ssrc == ssrc {
		if last.longAfter(timestamp, sequence) {
			return 0, false
		}
		continued = !marker && last.continuedBy(e, timestamp)
	}
	p := &r.seen[r.count%remembered]
	*p = press{ssrc: ssrc, timestamp: timestamp, code: e.Code, sequence: sequence}
	p.update(e, sequence)
	r.count++
	return digit, !continued
}

func (p *press) update(e Event, sequence uint16) {
	p.duration = max(p.duration, e.Duration)
	p.ended = p.ended || e.End
	if int16(sequence-p.sequence) > 0 {
		p.sequence = sequence
	}
}

// longAfter reports whether the press came so much later than a packet that the
// packet must be a straggler.
func (p *press) longAfter(timestamp uint32, sequence uint16) bool {
	behind, older := int16(p.sequence-sequence), int32(p.timestamp-timestamp)
	return behind > late && older > 0 && older <= lateSpan
}

// continuedBy tells a further segment of a long press from a new press: same
// event, no end seen, and it begins where the segment before it reached.
func (p *press) continuedBy(e Event, timestamp uint32) bool {
	if p.ended || p.code != e.Code {
		return false
	}
	step := timestamp - p.timestamp
	return step >= segmentMin && step <= segmentMax || p.duration > 0 && step == uint32(p.duration)
}

func (r *Receiver) find(ssrc, timestamp uint32, code uint8) *press {
	for i := range min(r.count, remembered) {
		p := &r.seen[i]
		if p.ssrc == ssrc && p.timestamp == timestamp && p.code == code {
			return p
		}
	}
	return nil
}

func (r *Receiver) newest() *press {
	if r.count == 0 {
		return nil
	}
	return &r.seen[(r.count-1)%remembered]
}
