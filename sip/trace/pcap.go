package trace

import (
	"encoding/binary"
	"io"
	"net/netip"

	"zvonar/internal/calls"
)

// The blocks and options of pcapng (draft-ietf-opsawg-pcapng) that are written,
// and the link type of packets that begin with their IP header.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 6
	optionComment  = 1
	linkRaw        = 101
)

// WritePcap writes the messages as pcapng, which Wireshark and tshark read. Each
// message is one packet with its leg as a comment; IP headers, ports and TCP
// sequence numbers are made up so that the packets are whole. What went over TLS
// is written as UDP: it is shown as it was within the encryption.
func WritePcap(w io.Writer, list []calls.SIPMessage) error {
	b := block(nil, blockSection, section())
	b = block(b, blockInterface, []byte{linkRaw, 0, 0, 0, 0, 0, 0, 0})
	if _, err := w.Write(b); err != nil {
		return err
	}
	sequence := map[[2]netip.AddrPort]uint32{}
	for _, m := range list {
		if _, err := w.Write(block(nil, blockPacket, packetBlock(m, sequence))); err != nil {
			return err
		}
	}
	return nil
}

func section() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x1a2b3c4d)
	b = append(b, 1, 0, 0, 0)                              // version 1.0
	return binary.LittleEndian.AppendUint64(b, ^uint64(0)) // of unknown length
}

// block frames the body of a block, which is a multiple of four bytes.
func block(b []byte, kind uint32, body []byte) []byte {
	size := uint32(12 + len(body))
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, size)
	return binary.LittleEndian.AppendUint32(append(b, body...), size)
}

// packetBlock is the body of an enhanced packet block.
func packetBlock(m calls.SIPMessage, sequence map[[2]netip.AddrPort]uint32) []byte {
	p := packet(m, sequence)
	at := uint64(m.At.UnixMicro())
	b := binary.LittleEndian.AppendUint32(nil, 0) // the one interface
	b = binary.LittleEndian.AppendUint32(b, uint32(at>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
	b = pad(append(b, p...))
	comment := string(m.Role)
	if m.Network == "tls" {
		comment += ", over TLS"
	}
	b = binary.LittleEndian.AppendUint16(b, optionComment)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(comment)))
	b = pad(append(b, comment...))
	return append(b, 0, 0, 0, 0) // end of the options
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// The protocols of IP headers.
const (
	ipTCP = 6
	ipUDP = 17
)

// packet is the IP packet of a message.
func packet(m calls.SIPMessage, sequence map[[2]netip.AddrPort]uint32) []byte {
	from, to := m.Remote, m.Local
	if m.Sent {
		from, to = to, from
	}
	if m.Network != "tcp" {
		h := binary.BigEndian.AppendUint16(nil, from.Port())
		h = binary.BigEndian.AppendUint16(h, to.Port())
		h = binary.BigEndian.AppendUint16(h, uint16(8+len(m.Text)))
		h = append(h, 0, 0)
		return ip(from.Addr(), to.Addr(), ipUDP, append(h, m.Text...), 6)
	}
	next := sequence[[2]netip.AddrPort{from, to}]
	sequence[[2]netip.AddrPort{from, to}] = next + uint32(len(m.Text))
	h := binary.BigEndian.AppendUint16(nil, from.Port())
	h = binary.BigEndian.AppendUint16(h, to.Port())
	h = binary.BigEndian.AppendUint32(h, 1+next)
	h = binary.BigEndian.AppendUint32(h, 1+sequence[[2]netip.AddrPort{to, from}])
	h = append(h, 5<<4, 0x18, 0xff, 0xff, 0, 0, 0, 0) // PSH, ACK; window; checksum; no urgent data
	return ip(from.Addr(), to.Addr(), ipTCP, append(h, m.Text...), 16)
}

// ip puts an IP header before a segment whose checksum is to be at sum.
func ip(from, to netip.Addr, protocol byte, segment []byte, sum int) []byte {
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(segment)))
	pseudo = append(pseudo, 0, 0, 0, protocol)
	if c := checksum(pseudo, segment); c != 0 || protocol == ipTCP {
		binary.BigEndian.PutUint16(segment[sum:], c)
	} else {
		binary.BigEndian.PutUint16(segment[sum:], 0xffff) // 0 is none (RFC 768)
	}
	if from.Is6() {
		h := []byte{6 << 4, 0, 0, 0, 0, 0, protocol, 64}
		binary.BigEndian.PutUint16(h[4:], uint16(len(segment)))
		return append(append(append(h, from.AsSlice()...), to.AsSlice()...), segment...)
	}
	h := []byte{4<<4 | 5, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0}
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(segment)))
	h = append(append(h, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return append(h, segment...)
}

// checksum is that of RFC 1071 over the parts, of which only the last may be odd.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, p := range parts {
		for i := 0; i+1 < len(p); i += 2 {
			sum += uint32(p[i])<<8 | uint32(p[i+1])
		}
		if len(p)%2 == 1 {
			sum += uint32(p[len(p)-1]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
