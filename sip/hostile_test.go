package sip

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
)

// stillWorks makes a good call and checks that no handler panicked.
func (s *side) stillWorks(t *testing.T, p *rawPeer) {
	t.Helper()
	k := s.dial(t, nil)
	for m := p.again("INVITE"); kindOf([]byte(m.String())) == "INVITE"; m = p.again("INVITE", "ACK") {
		p.respond(m, 200, "good", rawSDP) // also to what follows an answer that found no room behind the rest
	}
	k.until(calls.LegAnswered)
	k.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	if e := k.end(); !e.Answered {
		t.Errorf("the good call ended with %+v", e)
	}
	if n := testutil.ToFloat64(s.ua.m.panics); n != 0 {
		t.Errorf("%v handlers panicked", n)
	}
}

func TestTortureMessagesOverUDPLeaveTheUserAgentAtWork(t *testing.T) {
	t.Parallel()
	messages := torture(t)
	a, p := hostile(t)
	for _, m := range messages {
		p.send(string(m))
	}
	a.stillWorks(t, p)
}

// TestTortureMessagesOverTCPConnectNowhere closes each connection at once, which
// makes sipgo look for another way back to whoever the message names.
func TestTortureMessagesOverTCPConnectNowhere(t *testing.T) {
	t.Parallel()
	messages := torture(t)
	a, p := hostile(t)
	to := a.ua.Addr("tcp").String()
	for _, m := range messages {
		c, err := net.Dial("tcp4", to)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(m)
		_ = c.Close()
	}
	a.stillWorks(t, p)
}

// batch is how many mutated messages go before the next good call.
const batch = 20000

func TestMutatedMessagesLeaveTheUserAgentAtWork(t *testing.T) {
	t.Parallel()
	a, p := hostile(t)
	r := rand.New(rand.NewPCG(4475, 5118))
	next := seeds(p, r)
	stream := &mutatedStream{to: a.ua.Addr("tcp").String()}
	defer stream.close()
	for i := range *mutations {
		b := mutate(r, next())
		if i%4 == 0 {
			stream.send(b)
		} else if _, err := p.conn.WriteToUDP(b, p.to); err != nil {
			t.Fatal(err)
		}
		if i%200 == 199 { // the socket's buffer is not to overflow
			p.ping(fmt.Sprint("o", i))
		}
		if i%batch == batch-1 {
			a.stillWorks(t, p)
		}
	}
	a.stillWorks(t, p)
}

// seeds gives good messages to mutate: our own, and those of the RFCs where they
// are at hand.
func seeds(p *rawPeer, r *rand.Rand) func() []byte {
	methods := []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"}
	files, _ := filepath.Glob(filepath.Join(corpus(), "sip", "rfc*", "*.dat"))
	n := 0
	return func() []byte {
		n++
		if len(files) > 0 && n%8 == 0 {
			if b, err := os.ReadFile(files[r.IntN(len(files))]); err == nil {
				return b
			}
		}
		name := fmt.Sprintf("m%d", n)
		return []byte(p.request(methods[r.IntN(len(methods))], name, name, "", rawSDP, 1))
	}
}

// mutatedStream sends messages over a connection, and over a new one once the
// far end has had enough.
type mutatedStream struct {
	to string
	c  net.Conn
}

func (s *mutatedStream) send(b []byte) {
	if s.c == nil {
		c, err := net.Dial("tcp4", s.to)
		if err != nil {
			return
		}
		s.c = c
		go func() { _, _ = io.Copy(io.Discard, c) }()
	}
	_ = s.c.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := s.c.Write(b); err != nil {
		s.close()
	}
}

func (s *mutatedStream) close() {
	if s.c != nil {
		_ = s.c.Close()
		s.c = nil
	}
}

// ping sends an OPTIONS until it is answered: beyond their rate they are dropped.
func (p *rawPeer) ping(name string) {
	p.t.Helper()
	text := []byte(p.request("OPTIONS", name, name, "", "", 1))
	buf := make([]byte, 65536)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := p.conn.WriteToUDP(text, p.to); err != nil {
			p.t.Fatal(err)
		}
		_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		for {
			n, err := p.conn.Read(buf)
			if err != nil {
				break
			}
			if kindOf(buf[:n]) == "200 OPTIONS" {
				return
			}
		}
	}
	p.t.Fatal("no OPTIONS is answered")
}

// mutate changes, doubles or cuts out a few bytes of a message.
func mutate(r *rand.Rand, b []byte) []byte {
	for range 1 + r.IntN(6) {
		i := r.IntN(len(b))
		j := min(len(b), i+1+r.IntN(12))
		switch r.IntN(4) {
		case 0:
			b[i] = byte(r.IntN(256))
		case 1:
			b[i] = "\r\n:;,<>\"@ ="[r.IntN(11)]
		case 2:
			b = append(b[:j:j], b[i:]...)
		default:
			if j-i < len(b) {
				b = append(b[:i:i], b[j:]...)
			}
		}
	}
	return b
}
