//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// stage is how far the signalling of a call is.
type stage int

const (
	calling  stage = iota // our INVITE waits for a final answer
	offered               // our 200 waits for its ACK
	talking               // both hear each other
	leaving               // our BYE waits for its answer
	finished              // only kept to answer what is repeated
)

// call is one call of the generator, of either direction.
type call struct {
	stream
	id       string
	stage    stage
	far      netip.AddrPort // where the target's signalling is
	from, to string         // our side of the dialog, and the target's, as header values
	target   string         // Request-URI for what follows
	cseq     int
	branch   string

	last  string // the message that is repeated until it is answered
	tries int
}

const (
	firstRepeat = 500 * time.Millisecond // T1 of RFC 3261
	maxTries    = 6
)

// sdp offers or answers the call's codec and telephone-events at its socket.
func (c *call) sdp() string {
	a, name, profile, key := c.sock.addr, "PCMA", "RTP/AVP", ""
	if c.pt == mulawPT {
		name = "PCMU"
	}
	if c.seal != nil {
		profile, key = "RTP/SAVP", c.seal.line()
	}
	return fmt.Sprintf("v=0\r\no=load 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d %[3]s %[4]d 101\r\n"+
		"a=rtpmap:%[4]d %[5]s/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n%[6]s",
		a.Addr(), a.Port(), profile, c.pt, name, key)
}

// request writes a request of ours; body makes it an INVITE with an offer.
func (f *farm) request(c *call, method, uri string, cseq int, branch, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:load@%s>\r\n",
		method, uri, f.sip.addr, branch, c.from, c.to, c.id, cseq, method, f.sip.addr)
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// ring calls the target.
func (f *farm) ring(now time.Time) {
	f.serial++
	c := &call{id: fmt.Sprintf("load-%d-%d", f.run, f.serial), far: f.cfg.target, stage: calling, cseq: 1}
	c.sock, c.pt = f.media[f.serial%len(f.media)], alawPT
	if f.cfg.load.sealed {
		var err error
		if c.seal, err = newSeal(); err != nil {
			f.now.failed++
			return
		}
	}
	c.from = fmt.Sprintf("<sip:caller%d@%s>;tag=f%d", f.serial, f.sip.addr, f.serial)
	c.target = fmt.Sprintf("sip:%s@%s", f.cfg.number, f.cfg.target)
	c.to = "<" + c.target + ">"
	c.branch = fmt.Sprintf("z9hG4bK%d-%d", f.run, f.serial)
	f.byID[c.id] = c
	f.insist(c, f.request(c, "INVITE", c.target, c.cseq, c.branch, c.sdp()), now)
}

// insist sends a message and repeats it until stage or tries end that.
func (f *farm) insist(c *call, message string, now time.Time) {
	c.last, c.tries = message, 0
	f.send(c.far, message)
	f.repeat(c, message, now.Add(firstRepeat), firstRepeat)
}

func (f *farm) repeat(c *call, message string, at time.Time, after time.Duration) {
	f.later(at, func(now time.Time) {
		if c.last != message || c.stage == finished {
			return
		}
		f.now.repeated++
		if c.tries++; c.tries > maxTries {
			f.fail(c)
			return
		}
		f.send(c.far, message)
		f.repeat(c, message, now.Add(2*after), 2*after)
	})
}

func (f *farm) fail(c *call) {
	f.now.failed++
	f.finish(c)
}

// finish ends a call; it is kept for a while to answer what is repeated.
func (f *farm) finish(c *call) {
	f.end(c)
	c.stage, c.last = finished, ""
	f.later(time.Now().Add(5*time.Second), func(time.Time) { delete(f.byID, c.id) })
}

// talk begins the media; the call is ended after the hold time.
func (f *farm) talk(c *call, now time.Time, at int64) {
	c.stage, c.last = talking, ""
	c.answered = at
	f.now.answered++
	f.audible(c)
	f.begin(c, now)
	f.later(now.Add(f.cfg.hold), func(now time.Time) {
		if c.stage != talking || c.waits() {
			return
		}
		f.end(c)
		c.stage = leaving
		c.cseq++
		f.insist(c, f.request(c, "BYE", c.target, c.cseq, c.branch+"b", ""), now)
	})
}

// waits reports whether the call is a leg of a bridge that the other one ends.
func (c *call) waits() bool { return c.other != nil && !c.second }

// message takes what the target sent to our signalling socket.
func (f *farm) message(d datagram, now time.Time) {
	text := string(d.b)
	c := f.byID[field(text, "Call-ID")]
	if code, ok := strings.CutPrefix(text, "SIP/2.0 "); ok {
		if c != nil && len(code) > 3 {
			f.response(c, text, code[:3], now, d.at)
		}
		return
	}
	method, rest, _ := strings.Cut(text, " ")
	switch {
	case method == "OPTIONS":
		f.answer(d.from, text, "200 OK", "x", "")
	case method == "INVITE" && c == nil:
		uri, _, _ := strings.Cut(rest, " ")
		f.accept(d, text, uri, now)
	case c == nil && method != "ACK":
		f.answer(d.from, text, "481 Call Does Not Exist", "x", "")
	case method == "INVITE":
		f.now.repeated++
		f.send(d.from, c.last)
	case method == "ACK" && c.stage == offered:
		f.talk(c, now, d.at)
	case method == "BYE":
		f.answer(d.from, text, "200 OK", "x", "")
		switch {
		case c.stage == talking && c.waits():
			f.finish(c)
		case c.stage == talking:
			f.fail(c) // nobody asked the target to end it
		}
	}
}

// accept answers a call of the target's at once.
func (f *farm) accept(d datagram, text, uri string, now time.Time) {
	f.serial++
	c := &call{id: field(text, "Call-ID"), far: d.from, stage: offered, cseq: 1, branch: fmt.Sprintf("z9hG4bK%d-%d", f.run, f.serial)}
	number, _, _ := strings.Cut(strings.TrimPrefix(uri, "sip:"), "@")
	c.sock, c.pt = f.media[f.serial%len(f.media)], f.cfg.load.codec(number)
	to, err := audioOf(text)
	if err != nil {
		f.now.failed++
		return
	}
	f.pair(c, number)
	c.stream.to = to
	f.byMedia[to] = c
	tag := fmt.Sprintf("f%d", f.serial)
	c.from, c.to = field(text, "To")+";tag="+tag, field(text, "From")
	c.target = strings.Trim(field(text, "Contact"), "<>")
	f.byID[c.id] = c
	f.insist(c, f.answerText(text, "200 OK", tag, c.sdp()), now)
}

// response takes an answer to a request of ours.
func (f *farm) response(c *call, text, code string, now time.Time, at int64) {
	invite := strings.HasSuffix(field(text, "CSeq"), "INVITE")
	switch {
	case code[0] == '1':
		if c.stage == calling {
			c.last = "" // it is on its way
		}
	case !invite:
		if c.stage == leaving {
			if code != "200" {
				f.now.failed++
			}
			f.finish(c)
		}
	case code[0] == '2' && c.stage == calling:
		to, err := audioOf(text)
		if err == nil && c.seal != nil {
			err = c.seal.agree(text)
		}
		if err != nil {
			f.fail(c)
			return
		}
		c.stream.to, c.to = to, field(text, "To")
		c.target = strings.Trim(field(text, "Contact"), "<>")
		f.byMedia[to] = c
		f.send(c.far, f.request(c, "ACK", c.target, c.cseq, c.branch+"a", ""))
		f.talk(c, now, at)
	case code[0] == '2':
		f.now.repeated++
		f.send(c.far, f.request(c, "ACK", c.target, c.cseq, c.branch+"a", ""))
	default:
		c.to = field(text, "To")
		f.send(c.far, f.request(c, "ACK", c.target, c.cseq, c.branch, ""))
		if c.stage == calling {
			f.fail(c)
		}
	}
}

func (f *farm) answer(to netip.AddrPort, text, status, tag, body string) {
	f.send(to, f.answerText(text, status, tag, body))
}

func (f *farm) answerText(text, status, tag, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for line := range strings.SplitSeq(text, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); {
		case line == "":
		case strings.EqualFold(name, "To") && !strings.Contains(line, ";tag="):
			fmt.Fprintf(&b, "%s;tag=%s\r\n", line, tag)
		case strings.EqualFold(name, "Via"), strings.EqualFold(name, "From"), strings.EqualFold(name, "To"), strings.EqualFold(name, "Call-ID"), strings.EqualFold(name, "CSeq"):
			b.WriteString(line + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:load@%s>\r\n", f.sip.addr)
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

func (f *farm) send(to netip.AddrPort, message string) {
	f.sip.queue(copy(f.sip.slot(to), message))
	f.sip.flush()
}

// field is the value of the first header of that name.
func field(text, name string) string {
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// audioOf is where the SDP of a message wants its audio.
func audioOf(text string) (netip.AddrPort, error) {
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	var host, port string
	for line := range strings.SplitSeq(body, "\r\n") {
		if v, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			host = v
		}
		if v, ok := strings.CutPrefix(line, "m=audio "); ok {
			port, _, _ = strings.Cut(v, " ")
		}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return netip.AddrPortFrom(a, uint16(n)), err
}
