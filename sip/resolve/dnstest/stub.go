// Package dnstest is a name server for tests: it says what it is told to say, late
// or never where it is told so.
package dnstest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Server is a name server on a port of 127.0.0.1, over UDP and TCP.
type Server struct {
	Addr netip.AddrPort

	udp net.PacketConn
	tcp net.Listener
	wg  sync.WaitGroup

	mu      sync.Mutex
	records map[string][]dnsmessage.Resource // by name in lower case, without the final dot
	ttl     uint32
	silent  bool
	large   bool // answers over UDP are truncated
	wait    func(context.Context)
	asked   map[string]int
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{records: map[string][]dnsmessage.Resource{}, ttl: 60, asked: map[string]int{}}
	var err error
	if s.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if s.udp, err = net.ListenPacket("udp", s.tcp.Addr().String()); err != nil {
		t.Fatal(err)
	}
	s.Addr = netip.MustParseAddrPort(s.tcp.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	s.wg.Go(func() { s.serveUDP(ctx) })
	s.wg.Go(func() { s.serveTCP(ctx) })
	t.Cleanup(func() {
		cancel()
		_ = s.udp.Close()
		_ = s.tcp.Close()
		s.wg.Wait()
	})
	return s
}

// A says the addresses of a name; IPv6 ones become AAAA.
func (s *Server) A(name string, addrs ...string) {
	for _, text := range addrs {
		a := netip.MustParseAddr(text)
		if a.Is4() {
			s.add(name, dnsmessage.TypeA, &dnsmessage.AResource{A: a.As4()})
			continue
		}
		s.add(name, dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: a.As16()})
	}
}

// SRV adds a service record.
func (s *Server) SRV(name string, priority, weight, port uint16, target string) {
	s.add(name, dnsmessage.TypeSRV, &dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target + ".")})
}

// CNAME makes name an alias.
func (s *Server) CNAME(name, of string) {
	s.add(name, dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(of + ".")})
}

// NAPTR adds a pointer to a service.
func (s *Server) NAPTR(name string, order, preference uint16, service, replacement string) {
	data := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, order), preference)
	for _, text := range []string{"s", service, ""} {
		data = append(append(data, byte(len(text))), text...)
	}
	for label := range strings.SplitSeq(replacement, ".") {
		data = append(append(data, byte(len(label))), label...)
	}
	s.add(name, 35, &dnsmessage.UnknownResource{Type: 35, Data: append(data, 0)})
}

func (s *Server) add(name string, typ dnsmessage.Type, body dnsmessage.ResourceBody) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.ToLower(name)
	s.records[name] = append(s.records[name], dnsmessage.Resource{Body: body,
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."), Type: typ, Class: dnsmessage.ClassINET}})
}

// Forget takes every record of a name away: it is NXDOMAIN from then on.
func (s *Server) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, strings.ToLower(name))
}

// TTL sets the seconds of everything, what is not there included.
func (s *Server) TTL(seconds uint32) { s.set(func() { s.ttl = seconds }) }

// Silent has it answer nothing, or again.
func (s *Server) Silent(on bool) { s.set(func() { s.silent = on }) }

// Large has it answer over TCP only.
func (s *Server) Large() { s.set(func() { s.large = true }) }

// Slow has every answer wait for f.
func (s *Server) Slow(f func(context.Context)) { s.set(func() { s.wait = f }) }

func (s *Server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Asked is how often a name was asked for.
func (s *Server) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[strings.ToLower(name)]
}

func (s *Server) serveUDP(ctx context.Context) {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			return
		}
		query := append([]byte(nil), buf[:n]...)
		s.wg.Go(func() {
			if text := s.answer(ctx, query, true); text != nil {
				_, _ = s.udp.WriteTo(text, from)
			}
		})
	}
}

func (s *Server) serveTCP(ctx context.Context) {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, query); err != nil {
				return
			}
			if text := s.answer(ctx, query, false); text != nil {
				_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
			}
		})
	}
}

// answer makes an answer; nil: none.
func (s *Server) answer(ctx context.Context, query []byte, datagram bool) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	s.mu.Lock()
	s.asked[name]++
	wait, silent := s.wait, s.silent
	s.mu.Unlock()
	if silent {
		return nil
	}
	if wait != nil {
		wait(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: h.ID, Response: true, RecursionAvailable: true}, Questions: []dnsmessage.Question{q}}
	if _, known := s.records[name]; !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for range 10 {
		next := ""
		for _, r := range s.records[name] {
			if r.Header.Type == q.Type || r.Header.Type == dnsmessage.TypeCNAME {
				r.Header.TTL = s.ttl
				m.Answers = append(m.Answers, r)
			}
			if c, ok := r.Body.(*dnsmessage.CNAMEResource); ok {
				next = strings.TrimSuffix(c.CNAME.String(), ".")
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(m.Answers) == 0 {
		zone := dnsmessage.MustNewName("test.")
		m.Authorities = append(m.Authorities, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: zone, Type: dnsmessage.TypeSOA, Class: dnsmessage.ClassINET, TTL: s.ttl},
			Body: &dnsmessage.SOAResource{NS: zone, MBox: zone, MinTTL: s.ttl}})
	}
	if datagram && s.large {
		m.Truncated, m.Answers = true, nil
	}
	text, err := m.Pack()
	if err != nil {
		return nil
	}
	return text
}
