package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestDigitsGoUnderTheNumberAgreedAndStopWithTheAgreement(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	session := f.session()
	session.DTMFPayload, session.DTMFReceive = 96, []uint8{96}
	f.port.Set(session)
	f.port.SendDigits("12")
	s.run(300 * time.Millisecond)
	var events int
	for _, p := range f.heard() {
		switch {
		case p.PayloadType == 96 && len(p.Payload) == 4:
			events++
		case p.PayloadType != 8 || len(p.Payload) != 160:
			t.Fatalf("type %d with %d bytes", p.PayloadType, len(p.Payload))
		}
	}
	if events == 0 {
		t.Error("no digit left under 96")
	}
	f.packet(f.addr, rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: 1, SSRC: 1}, []byte{7, 0, 0, 160})
	f.packet(f.addr, rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: 2, SSRC: 1, Timestamp: 900}, []byte{8, 0, 0, 160})
	s.run(20 * time.Millisecond)
	if got := f.digits(); got != "7" {
		t.Errorf("heard %q, want what came under 96", got)
	}
	f.port.SendDigits("345")
	s.run(40 * time.Millisecond)
	f.heard()
	session.DTMFPayload, session.DTMFReceive = 0, nil
	f.port.Set(session) // a re-INVITE without telephone-event
	s.run(time.Second)
	for _, p := range f.heard() {
		if p.PayloadType != 8 || len(p.Payload) != 160 {
			t.Fatalf("type %d with %d bytes to a far end that takes no digits", p.PayloadType, len(p.Payload))
		}
	}
}
