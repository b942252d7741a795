//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize datagrams go through the kernel at once.
const batchSize = 64

// longest datagram that is looked at; INVITEs with their SDP are shorter.
const longest = 2048

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// datagram is what arrived: valid until the next receive.
type datagram struct {
	b    []byte
	from netip.AddrPort
	at   int64 // Unix nanoseconds, by the kernel
}

// batchSocket is an IPv4 UDP socket that sends and receives many datagrams a call.
type batchSocket struct {
	fd   int
	addr netip.AddrPort

	in struct {
		messages [batchSize]mmsghdr
		vectors  [batchSize]unix.Iovec
		names    [batchSize]unix.RawSockaddrInet4
		control  [batchSize][64]byte
		data     [batchSize][longest]byte
		seen     [batchSize]datagram
	}
	out struct {
		messages [batchSize]mmsghdr
		vectors  [batchSize]unix.Iovec
		names    [batchSize]unix.RawSockaddrInet4
		data     [batchSize][longest]byte
		n        int
	}
	refused int // datagrams that the kernel did not take
}

func listen(at netip.AddrPort) (*batchSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return nil, fmt.Errorf("bind %s: %w", at, err)
	}
	const room = 32 << 20
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, room)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return nil, fmt.Errorf("arrival stamps: %w", err)
	}
	s := &batchSocket{fd: fd, addr: at}
	for i := range batchSize {
		in, out := &s.in.messages[i].header, &s.out.messages[i].header
		s.in.vectors[i].Base = &s.in.data[i][0]
		s.in.vectors[i].SetLen(longest)
		in.Iov, in.Iovlen = &s.in.vectors[i], 1
		in.Name = (*byte)(unsafe.Pointer(&s.in.names[i]))
		in.Control = &s.in.control[i][0]
		s.out.vectors[i].Base = &s.out.data[i][0]
		out.Iov, out.Iovlen = &s.out.vectors[i], 1
		out.Name, out.Namelen = (*byte)(unsafe.Pointer(&s.out.names[i])), unix.SizeofSockaddrInet4
	}
	return s, nil
}

// receive takes up to batchSize datagrams that are there.
func (s *batchSocket) receive() []datagram {
	for i := range s.in.messages {
		h := &s.in.messages[i].header
		h.Namelen = unix.SizeofSockaddrInet4
		h.SetControllen(len(s.in.control[i]))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.in.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return nil
	}
	for i := range s.in.seen[:n] {
		name, control := &s.in.names[i], &s.in.control[i]
		port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
		s.in.seen[i] = datagram{
			b:    s.in.data[i][:s.in.messages[i].length],
			from: netip.AddrPortFrom(netip.AddrFrom4(name.Addr), port),
			at: int64(binary.NativeEndian.Uint64(control[unix.SizeofCmsghdr:]))*1e9 +
				int64(binary.NativeEndian.Uint64(control[unix.SizeofCmsghdr+8:])),
		}
	}
	return s.in.seen[:n]
}

// slot gives room for one more datagram to to, to be cut to its length by queue.
func (s *batchSocket) slot(to netip.AddrPort) []byte {
	if s.out.n == batchSize {
		s.flush()
	}
	name := &s.out.names[s.out.n]
	name.Family, name.Addr = unix.AF_INET, to.Addr().As4()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], to.Port())
	return s.out.data[s.out.n][:]
}

func (s *batchSocket) queue(length int) {
	s.out.vectors[s.out.n].SetLen(length)
	s.out.n++
}

// flush sends what is queued.
func (s *batchSocket) flush() {
	for sent := 0; sent < s.out.n; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.out.messages[sent])), uintptr(s.out.n-sent), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			s.refused++
			n = 1
		}
		sent += int(n)
	}
	s.out.n = 0
}
