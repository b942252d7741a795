package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"time"
)

// kind is what a record holds.
type kind uint8

const (
	kindErased  kind = iota // was something else; its bytes are gone
	kindMessage             // a SIP message, found by its Call-ID
	kindBind                // a dialog of a call, found by the call's id
)

// A record on disk, little-endian: magic, kind, flags, length of the data, time in
// microseconds, hash of the key, both addresses, where in the data the key is;
// then the data, then the CRC-32 of all before it.
const (
	magic      = 0x547a // "zT"
	headSize   = 64
	tailSize   = 4
	maxData    = 64 << 10
	flagSent   = 1
	flagSecond = 1 // shift of the network in the flags
)

// networks are the transports as the flags number them.
var networks = [...]string{"udp", "tcp", "tls", "ws"}

// record is one entry of a trace.
type record struct {
	kind          kind
	sent          bool
	network       string
	at            time.Time
	hash          uint64
	local, remote netip.AddrPort
	key, data     []byte // key lies in data
}

// errTorn is a record that was not written whole.
var errTorn = errors.New("a torn record")

// begin appends the head of a record whose data follows.
func begin(b []byte) []byte {
	var head [headSize]byte
	return append(b, head[:]...)
}

// finish fills in the head of the record that begins at from and has its data
// behind it; keyAt and keyLen say where in the data the key is.
func finish(b []byte, from int, r record, keyAt, keyLen int) []byte {
	h := b[from : from+headSize]
	data := b[from+headSize:]
	binary.LittleEndian.PutUint16(h[0:], magic)
	h[2] = byte(r.kind)
	for i, n := range networks {
		if n == r.network {
			h[3] = byte(i << flagSecond)
		}
	}
	if r.sent {
		h[3] |= flagSent
	}
	binary.LittleEndian.PutUint32(h[4:], uint32(len(data)))
	binary.LittleEndian.PutUint64(h[8:], uint64(r.at.UnixMicro()))
	binary.LittleEndian.PutUint64(h[16:], hashOf(data[keyAt:keyAt+keyLen]))
	putAddr(h[24:42], r.local)
	putAddr(h[42:60], r.remote)
	binary.LittleEndian.PutUint16(h[60:], uint16(keyAt))
	binary.LittleEndian.PutUint16(h[62:], uint16(keyLen))
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}

// parse reads the record at the beginning of b and says how long it is. The
// slices lie in b.
func parse(b []byte) (r record, size int, err error) {
	if len(b) < headSize+tailSize || binary.LittleEndian.Uint16(b) != magic {
		return r, 0, errTorn
	}
	n := int(binary.LittleEndian.Uint32(b[4:]))
	size = headSize + n + tailSize
	if n > maxData || size > len(b) {
		return r, 0, errTorn
	}
	r = record{kind: kind(b[2]), sent: b[3]&flagSent != 0, network: networks[b[3]>>flagSecond&3],
		at: time.UnixMicro(int64(binary.LittleEndian.Uint64(b[8:]))).UTC(), hash: binary.LittleEndian.Uint64(b[16:]),
		local: addrOf(b[24:42]), remote: addrOf(b[42:60]), data: b[headSize : headSize+n]}
	if r.kind == kindErased {
		return r, size, nil
	}
	at, l := int(binary.LittleEndian.Uint16(b[60:])), int(binary.LittleEndian.Uint16(b[62:]))
	if at+l > n || crc32.ChecksumIEEE(b[:headSize+n]) != binary.LittleEndian.Uint32(b[headSize+n:]) {
		return r, 0, errTorn
	}
	r.key = r.data[at : at+l]
	return r, size, nil
}

// hashOf is FNV-1a of a key: it only has to spread, what is found is compared.
func hashOf(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func putAddr(b []byte, a netip.AddrPort) {
	if a.IsValid() {
		ip := a.Addr().As16()
		copy(b, ip[:])
		binary.LittleEndian.PutUint16(b[16:], a.Port())
	}
}

func addrOf(b []byte) netip.AddrPort {
	if len(bytes.Trim(b, "\x00")) == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[:16])).Unmap(), binary.LittleEndian.Uint16(b[16:]))
}
