package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// hostile starts a user agent that refuses every call.
func hostile(t *testing.T) (*side, *rawPeer) {
	t.Helper()
	a, p := withRaw(t, func(_ *trunk.Config, c *Config) {
		c.Listen = append(c.Listen, "tcp://127.0.0.1:0")
		// The messages name hosts of the real world: nobody asks for them.
		c.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no names in this test")
		}}
	})
	a.onArrival(func(l *Leg) { l.Hangup(0) })
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-a.inbound:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	return a, p
}

// stillWorks makes a good call and checks that no handler panicked.
func (s *side) stillWorks(t *testing.T, p *rawPeer) {
	t.Helper()
	k := s.dial(t, nil)
	p.respond(p.read("INVITE"), 200, "good", rawSDP)
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

// torture returns the messages of RFC 4475 and RFC 5118.
func torture(t *testing.T) (messages [][]byte) {
	t.Helper()
	root := os.Getenv("ZVONAR_CORPUS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "corpus")
	}
	files, err := filepath.Glob(filepath.Join(root, "sip", "rfc*", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no messages of RFC 4475 and RFC 5118 under %s; name their directory in ZVONAR_CORPUS", root)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, b)
	}
	return messages
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

func TestMutatedMessagesLeaveTheUserAgentAtWork(t *testing.T) {
	t.Parallel()
	a, p := hostile(t)
	r := rand.New(rand.NewPCG(4475, 5118))
	methods := []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"}
	for i := range 3000 {
		name := fmt.Sprintf("m%d", i)
		b := []byte(p.request(methods[r.IntN(len(methods))], name, name, "", rawSDP, 1))
		p.send(string(mutate(r, b)))
		if i%50 == 49 { // the socket's buffer is not to overflow
			p.ping("o" + name)
		}
	}
	a.stillWorks(t, p)
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

func TestARepeated200ThatOvertakesTheFirstHangsNothingUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE")
	res := sipmsg.NewResponseFromRequest(invite.(*sipmsg.Request), 200, "OK", nil)
	res.To().Params = sipmsg.HeaderParams{{K: "tag", V: "x"}}
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:raw@"+p.conn.LocalAddr().String()+">"))
	k.leg.do(func() { k.leg.repeated(res) })
	p.respond(invite, 200, "x", rawSDP)
	k.until(calls.LegAnswered)
	a.ua.strays.mu.Lock()
	n := len(a.ua.strays.dismissed)
	a.ua.strays.mu.Unlock()
	if n != 0 {
		t.Error("our own call was taken for another branch and hung up")
	}
	k.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	k.end()
}
