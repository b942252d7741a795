package sip

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// meter receives the sound of standing calls and says how evenly it comes, by the
// kernel's time of arrival: what the flood takes from the meter's own goroutine
// does not count.
type meter struct {
	conn *net.UDPConn
	wg   sync.WaitGroup
	mu   sync.Mutex
	last map[uint32]arrival // by SSRC
	evenness
}

type arrival struct {
	at  time.Time
	seq uint16
}

// evenness is what a meter saw since it was asked last.
type evenness struct {
	packets, lost int
	late          int           // intervals that are off by more than 20 ms
	worst         time.Duration // the most an interval was off
}

func newMeter(t *testing.T) *meter {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if e := syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1); e != nil {
				t.Error(e)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{conn: conn, last: map[uint32]arrival{}}
	m.wg.Go(m.run)
	t.Cleanup(func() { _ = conn.Close(); m.wg.Wait() })
	return m
}

// sdp is an offer that sends the sound here.
func (m *meter) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n", addrPort(m.conn.LocalAddr()).Port())
}

func (m *meter) run() {
	buf, oob := make([]byte, 2048), make([]byte, 256)
	for {
		n, k, _, _, err := m.conn.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			return
		}
		if n < 12 {
			continue
		}
		at := stamped(oob[:k])
		m.mu.Lock()
		m.take(binary.BigEndian.Uint32(buf[8:]), binary.BigEndian.Uint16(buf[2:]), at)
		m.mu.Unlock()
	}
}

func (m *meter) take(ssrc uint32, seq uint16, at time.Time) {
	m.packets++
	last, known := m.last[ssrc]
	m.last[ssrc] = arrival{at, seq}
	if !known {
		return
	}
	gap := int16(seq - last.seq)
	if gap != 1 {
		m.lost += max(0, int(gap)-1)
		return
	}
	off := (at.Sub(last.at) - 20*time.Millisecond).Abs()
	if off > 20*time.Millisecond {
		m.late++
	}
	m.worst = max(m.worst, off)
}

// since gives what was seen since it was asked last.
func (m *meter) since() evenness {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.evenness
	m.evenness = evenness{}
	return e
}

// stamped is the kernel's time of arrival.
func stamped(oob []byte) time.Time {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Now()
	}
	for _, c := range messages {
		if c.Header.Level == syscall.SOL_SOCKET && c.Header.Type == syscall.SCM_TIMESTAMPNS && len(c.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(c.Data)), int64(binary.NativeEndian.Uint64(c.Data[8:])))
		}
	}
	return time.Now()
}
