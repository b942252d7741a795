package sip

import (
	"net"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/trunk"
)

// rawPeer is a SIP far end written by hand, to say what our own never would.
type rawPeer struct {
	t    *testing.T
	conn *net.UDPConn
	to   *net.UDPAddr
	had  map[string]bool // what read gave
}

func newRawPeer(t *testing.T, ip string) *rawPeer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rawPeer{t: t, conn: conn, had: map[string]bool{}}
}

func (p *rawPeer) send(text string) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDP([]byte(text), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// read waits for the next message of one of the kinds. A copy of one that it gave
// before is none: whoever is slow to answer has it repeated.
func (p *rawPeer) read(what ...string) sipmsg.Message {
	p.t.Helper()
	for {
		msg, copied := p.take(what)
		if !copied {
			return msg
		}
	}
}

// again waits for the next message of one of the kinds, be it a copy.
func (p *rawPeer) again(what ...string) sipmsg.Message {
	p.t.Helper()
	msg, _ := p.take(what)
	return msg
}

func (p *rawPeer) take(what []string) (msg sipmsg.Message, copied bool) {
	p.t.Helper()
	buf := make([]byte, 65536)
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, src, err := p.conn.ReadFromUDP(buf)
		if err != nil {
			p.t.Fatalf("waiting for %v: %v", what, err)
		}
		p.to = src
		for _, w := range what {
			if kindOf(buf[:n]) == w {
				msg, err := sipmsg.ParseMessage(append([]byte(nil), buf[:n]...))
				if err != nil {
					p.t.Fatal(err)
				}
				copied, p.had[string(buf[:n])] = p.had[string(buf[:n])], true
				return msg, copied
			}
		}
	}
}

// respond answers a request.
func (p *rawPeer) respond(req sipmsg.Message, code int, tag, body string, headers ...string) {
	p.t.Helper()
	res := sipmsg.NewResponseFromRequest(req.(*sipmsg.Request), code, phrase(code), nil)
	if tag != "" {
		res.To().Params = sipmsg.HeaderParams{{K: "tag", V: tag}}
	}
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:raw@"+p.conn.LocalAddr().String()+">"))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sipmsg.NewHeader(name, value))
	}
	if body != "" {
		res.AppendHeader(sipmsg.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(body))
	}
	p.send(res.String())
}

const rawSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"

// withRaw starts a user agent whose trunk is a rawPeer.
func withRaw(t *testing.T, change func(*trunk.Config, *Config)) (*side, *rawPeer) {
	t.Helper()
	p := newRawPeer(t, "127.0.0.1")
	a := newSide(t, "udp://127.0.0.1:0", change, addrPort(p.conn.LocalAddr()))
	p.to = net.UDPAddrFromAddrPort(a.ua.Addr("udp"))
	return a, p
}
