package trace

import (
	"encoding/binary"
	"fmt"
	"net"
)

// HEP sends copies of SIP messages to a collector (Homer, heplify-server) in the
// Homer Encapsulation Protocol, version 3 ("HEP/EEP network protocol
// specification", revision 36), over UDP. It belongs to one goroutine at a time.
type HEP struct {
	node uint32
	key  string
	conn net.Conn
	buf  []byte
}

// The chunks of HEPv3 that are sent, all of vendor 0.
const (
	hepFamily      = 0x0001 // 2 IPv4, 10 IPv6
	hepProtocol    = 0x0002 // 17 UDP, 6 TCP
	hepSource4     = 0x0003
	hepTarget4     = 0x0004
	hepSource6     = 0x0005
	hepTarget6     = 0x0006
	hepSourcePort  = 0x0007
	hepTargetPort  = 0x0008
	hepSeconds     = 0x0009
	hepMicros      = 0x000a
	hepKind        = 0x000b // 1: SIP
	hepNode        = 0x000c
	hepKey         = 0x000e
	hepPayload     = 0x000f
	hepCorrelation = 0x0011
)

// NewHEP sends to a UDP address ("192.0.2.1:9060") as capture node node; key is
// the collector's password, "" for none.
func NewHEP(address string, node uint32, key string) (*HEP, error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, fmt.Errorf("trace.hep: %w", err)
	}
	return &HEP{node: node, key: key, conn: conn}, nil
}

// Close ends the sending.
func (h *HEP) Close() error { return h.conn.Close() }

// send sends a copy of a message; call, if known, is what all legs of one call
// have in common.
func (h *HEP) send(rec record, call string) error {
	h.buf = encodeHEP(h.buf[:0], rec, h.node, h.key, call)
	_, err := h.conn.Write(h.buf)
	return err
}

// encodeHEP appends the packet of a message.
func encodeHEP(b []byte, rec record, node uint32, key, call string) []byte {
	from, to := rec.remote, rec.local
	if rec.sent {
		from, to = to, from
	}
	family, source, target := byte(2), uint16(hepSource4), uint16(hepTarget4)
	if from.Addr().Is6() {
		family, source, target = 10, hepSource6, hepTarget6
	}
	protocol := byte(17)
	if rec.network != "udp" {
		protocol = 6
	}
	start := len(b)
	b = append(b, "HEP3\x00\x00"...)
	b = chunk(b, hepFamily, []byte{family})
	b = chunk(b, hepProtocol, []byte{protocol})
	b = chunk(b, source, from.Addr().AsSlice())
	b = chunk(b, target, to.Addr().AsSlice())
	b = chunk(b, hepSourcePort, binary.BigEndian.AppendUint16(nil, from.Port()))
	b = chunk(b, hepTargetPort, binary.BigEndian.AppendUint16(nil, to.Port()))
	b = chunk(b, hepSeconds, binary.BigEndian.AppendUint32(nil, uint32(rec.at.Unix())))
	b = chunk(b, hepMicros, binary.BigEndian.AppendUint32(nil, uint32(rec.at.Nanosecond()/1000)))
	b = chunk(b, hepKind, []byte{1})
	b = chunk(b, hepNode, binary.BigEndian.AppendUint32(nil, node))
	if key != "" {
		b = chunk(b, hepKey, []byte(key))
	}
	if call != "" {
		b = chunk(b, hepCorrelation, []byte(call))
	}
	b = chunk(b, hepPayload, rec.data)
	binary.BigEndian.PutUint16(b[start+4:], uint16(len(b)-start))
	return b
}

func chunk(b []byte, kind uint16, data []byte) []byte {
	b = append(b, 0, 0) // vendor
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(6+len(data)))
	return append(b, data...)
}
