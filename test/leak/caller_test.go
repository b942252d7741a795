package leak

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// shape is one way to call.
type shape struct {
	name    string
	number  string // "1000" is answered, nothing else is
	noOffer bool   // the ACK brings it
	twice   bool   // each message is sent twice
	noAck   bool
	cancel  bool // a CANCEL comes after the answer
}

// shapes take turns; most calls are plain.
var shapes = []shape{
	{name: "plain"}, {name: "plain"}, {name: "each message twice", twice: true}, {name: "plain"}, {name: "nobody there", number: "404"},
	{name: "plain"}, {name: "no offer", noOffer: true}, {name: "plain"}, {name: "no ACK", noAck: true}, {name: "plain"},
	{name: "cancelled too late", cancel: true}, {name: "plain"}, {name: "plain"}, {name: "nobody there, twice", number: "404", twice: true},
	{name: "plain"}, {name: "plain"}, {name: "no offer, twice", noOffer: true, twice: true}, {name: "plain"}, {name: "plain"}, {name: "plain"},
}

func shapeOf(i int) shape { return shapes[i%len(shapes)] }

// caller is the least that can call: one call at a time.
type caller struct {
	conn *net.UDPConn
	to   int
	buf  [4096]byte
}

func newCaller(sip int) (*caller, error) {
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sip})
	if err != nil {
		return nil, err
	}
	return &caller{conn: c, to: sip}, nil
}

func (c *caller) close() { _ = c.conn.Close() }

const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"

// call makes call i and ends it; refused tells how often it was sent away before.
func (c *caller) call(i int) (refused int, err error) {
	s := shapeOf(i)
	if s.number == "" {
		s.number = "1000"
	}
	for try := 0; ; try++ {
		again, err := c.once(fmt.Sprintf("leak-%d-%d-%s", i, try, c.conn.LocalAddr()), s)
		if err != nil || !again {
			return refused, err
		}
		refused++
		if refused == 600 {
			return refused, errors.New("it was refused for a minute")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// once makes one call; again: it was refused with 503.
func (c *caller) once(id string, s shape) (again bool, err error) {
	offer := sdp
	if s.noOffer {
		offer = ""
	}
	code, tag, err := c.ask(c.request("INVITE", id, "i", "", s.number, 1, offer), "INVITE", id, s.twice)
	if err != nil {
		return false, err
	}
	if code >= 300 {
		c.send(c.request("ACK", id, "i", tag, s.number, 1, ""), s.twice)
		if s.number == "404" && code == 404 {
			return false, nil
		}
		if code == 503 {
			return true, nil
		}
		return false, fmt.Errorf("the INVITE got %d", code)
	}
	if s.cancel {
		if _, _, err := c.ask(c.request("CANCEL", id, "i", "", s.number, 1, ""), "CANCEL", id, false); err != nil {
			return false, err
		}
	}
	if !s.noAck {
		answer := ""
		if s.noOffer {
			answer = sdp
		}
		c.send(c.request("ACK", id, "a", tag, s.number, 1, answer), s.twice)
	}
	code, _, err = c.ask(c.request("BYE", id, "b", tag, s.number, 2, ""), "BYE", id, s.twice)
	if err == nil && code != 200 {
		err = fmt.Errorf("the BYE got %d", code)
	}
	return false, err
}

func (c *caller) request(method, id, branch, tag, number string, seq int, body string) string {
	if tag != "" {
		tag = ";tag=" + tag
	}
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	local := c.conn.LocalAddr()
	return fmt.Sprintf("%s sip:%s@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s;rport\r\nFrom: <sip:caller@%s>;tag=far\r\n"+
		"To: <sip:%s@127.0.0.1:%d>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:caller@%s>\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s",
		method, number, c.to, local, id, branch, local, number, c.to, tag, id, seq, method, local, kind, len(body), body)
}

func (c *caller) send(text string, twice bool) {
	for range 1 + map[bool]int{true: 1}[twice] {
		_, _ = c.conn.Write([]byte(text)) // what is lost is sent again
	}
}

// ask sends a request, again every half a second, until its final response.
func (c *caller) ask(text, method, id string, twice bool) (code int, tag string, err error) {
	for range 60 { // before its transaction ends
		c.send(text, twice)
		_ = c.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		for {
			n, err := c.conn.Read(c.buf[:])
			if err != nil {
				break
			}
			if code, tag := final(string(c.buf[:n]), method, id); code != 0 {
				return code, tag, nil
			}
		}
	}
	return 0, "", fmt.Errorf("no answer to the %s in 30 s", method)
}

// final reads code and To tag of a final response to a request; 0: it is none.
func final(text, method, id string) (code int, tag string) {
	if !strings.HasPrefix(text, "SIP/2.0 ") || !strings.Contains(text, " "+method+"\r\n") || !strings.Contains(text, "Call-ID: "+id+"\r\n") {
		return 0, ""
	}
	if code, _ = strconv.Atoi(text[8:11]); code < 200 {
		return 0, ""
	}
	_, to, _ := strings.Cut(text, "\r\nTo: ")
	to, _, _ = strings.Cut(to, "\r\n")
	_, tag, _ = strings.Cut(to, ";tag=")
	return code, tag
}
