package media

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// connSocket is the socket for every system: net.UDPConn with a goroutine that
// reads ahead, since the runtime's sockets cannot be polled.
type connSocket struct {
	conn  *net.UDPConn
	local netip.AddrPort
	done  chan struct{}

	mu      sync.Mutex
	waiting [32]datagram
	head, n int
}

type datagram struct {
	b    [maxDatagram]byte
	n    int
	from netip.AddrPort
	at   int64
}

func listenConn(local netip.AddrPort) (socket, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, fmt.Errorf("open RTP socket: %w", err)
	}
	got := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s := &connSocket{
		conn:  conn,
		local: netip.AddrPortFrom(got.Addr().Unmap(), got.Port()),
		done:  make(chan struct{}),
	}
	go s.read()
	return s, nil
}

func (s *connSocket) read() {
	defer close(s.done)
	var b [maxDatagram]byte
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b[:])
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.n < len(s.waiting) {
			d := &s.waiting[(s.head+s.n)%len(s.waiting)]
			d.n = copy(d.b[:], b[:n])
			d.from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
			d.at = time.Now().UnixNano()
			s.n++
		}
		s.mu.Unlock()
	}
}

func (s *connSocket) recv(in *intake) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 {
		return false
	}
	d := &s.waiting[s.head]
	s.head, s.n = (s.head+1)%len(s.waiting), s.n-1
	in.n, in.from, in.at = copy(in.room[:], d.b[:d.n]), d.from, d.at
	return true
}

func (s *connSocket) send(b []byte, to netip.AddrPort) bool {
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	return err == nil
}

func (s *connSocket) addr() netip.AddrPort { return s.local }

func (s *connSocket) close() error {
	err := s.conn.Close()
	<-s.done
	return err
}

// timerSleeper waits with the runtime's timers.
type timerSleeper struct {
	timer *time.Timer
	woken chan struct{}
}

func newTimerSleeper() *timerSleeper {
	return &timerSleeper{timer: time.NewTimer(time.Hour), woken: make(chan struct{}, 1)}
}

func (s *timerSleeper) wait(d time.Duration) {
	s.timer.Reset(d)
	select {
	case <-s.timer.C:
	case <-s.woken:
	}
}

func (s *timerSleeper) rest() { <-s.woken }

func (s *timerSleeper) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

func (s *timerSleeper) close() error {
	s.timer.Stop()
	return nil
}
