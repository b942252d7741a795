package edge

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// periods are the deadlines of connections.
type periods struct {
	write      time.Duration // ends a connection whose peer does not read
	message    time.Duration // from a message's first byte to its last, however it drips
	first      time.Duration // without a first message; how often an idle connection is looked at
	idle       time.Duration // a trunk's, without a message while no call goes over its address
	unanswered time.Duration // with maxUnanswered requests of which none is answered
}

// usual are the periods outside tests; the last is longer than any transaction.
var usual = periods{write: 5 * time.Second, message: 10 * time.Second, first: 30 * time.Second, idle: 10 * time.Minute, unanswered: 40 * time.Second}

// What one peer may leave open.
const (
	// maxUnanswered bounds the requests of a connection that nothing was sent
	// back for: the next one is read when one of them is answered.
	maxUnanswered = 100
	// connRate is how many messages a second a connection is read at.
	connRate, connBurst = 20000, 4000
	// maxSkipped bounds the body of a message that is refused for its size and
	// read over; beyond it the connection ends.
	maxSkipped = 1 << 20
)

// Conn is a connection as sipgo sees it: Read gives one whole message that the
// guard let through, and nothing blocks for ever.
type Conn struct {
	net.Conn
	guard *Guard
	from  netip.AddrPort
	leave func()

	// Of the reading goroutine.
	sketch sketch
	buf    []byte
	begun  time.Time // when the first byte of buf came
	heard  time.Time // when the last message was complete
	skip   int       // bytes of a refused message still to come
	half   bool      // what was passed over last is the first half of a ping
	pace   bucket

	writing sync.Mutex

	mu         sync.Mutex
	unanswered map[string]struct{} // keys of requests passed on
	answered   chan struct{}       // one token: something was answered
	closed     chan struct{}
	once       sync.Once
}

func newConn(c net.Conn, g *Guard, leave func()) *Conn {
	return &Conn{Conn: c, guard: g, from: addrPort(c.RemoteAddr()), leave: leave, heard: g.clock.Now(),
		unanswered: map[string]struct{}{}, answered: make(chan struct{}, 1), closed: make(chan struct{})}
}

// network is "tcp" or "tls".
func (c *Conn) network() string {
	if _, is := c.Conn.(*tls.Conn); is {
		return "tls"
	}
	return "tcp"
}

// Close ends the connection; both ends of it are free at once.
func (c *Conn) Close() error {
	err := error(nil)
	c.once.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
		c.leave()
	})
	return err
}

// end closes the connection for a reason that is counted.
func (c *Conn) end(why string) error {
	select {
	case <-c.closed:
	default:
		c.guard.count.Drop(why)
	}
	_ = c.Close()
	return io.EOF
}

// Write sends one message in time or ends the connection: what a peer
// does not read must not be kept for it.
func (c *Conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(b) > len(crlf) { // no answer to a ping
		c.guard.seen(true, c.network(), addrPort(c.LocalAddr()), c.from, b)
	}
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.guard.periods.write))
	n, err := c.Conn.Write(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			_ = c.end(DropDeaf)
		}
		_ = c.Close()
		return n, err
	}
	c.wrote(b)
	return n, nil
}

// wrote notes that a request was answered.
func (c *Conn) wrote(b []byte) {
	if !bytes.HasPrefix(b, []byte("SIP/2.0 ")) {
		return
	}
	var s sketch
	if !s.read(b) {
		return
	}
	f := bytes.Fields(s.cseq)
	if len(f) != 2 {
		return
	}
	key := conversation(string(f[1]), &s)
	c.mu.Lock()
	delete(c.unanswered, key)
	c.mu.Unlock()
	select {
	case c.answered <- struct{}{}:
	default:
	}
}

// conversation names a request and its answers on one connection.
func conversation(method string, s *sketch) string {
	return method + "\x00" + s.branch() + "\x00" + string(s.callID) + "\x00" + string(s.cseq)
}

// Read gives sipgo the next message that is for it. It ends with io.EOF, whatever
// the reason.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		text, err := c.next()
		if err != nil {
			_ = c.Close()
			return 0, io.EOF
		}
		v := c.guard.judge(message{from: c.from, data: text, stream: true}, &c.sketch)
		if v.pass != nil || v.answer != nil {
			c.guard.seen(false, c.network(), addrPort(c.LocalAddr()), c.from, text)
		}
		switch {
		case v.answer != nil:
			if _, err := c.Write(v.answer); err != nil {
				return 0, io.EOF
			}
		case v.pass == nil:
		case len(v.pass) > len(p):
			c.guard.count.Drop(DropSize)
		default:
			if !c.admit() {
				return 0, io.EOF
			}
			return copy(p, v.pass), nil
		}
	}
}

// admit waits until the peer's requests have been answered so far that one more
// may go on, and until it is not too fast.
func (c *Conn) admit() bool {
	for !c.pace.take(limit{connRate, connBurst}, c.guard.clock.Now()) {
		select {
		case <-c.closed:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	if !c.sketch.request || c.sketch.method == "ACK" {
		return true
	}
	key := conversation(c.sketch.method, &c.sketch)
	var late <-chan time.Time
	for {
		c.mu.Lock()
		if len(c.unanswered) < maxUnanswered {
			c.unanswered[key] = struct{}{}
			c.mu.Unlock()
			return true
		}
		c.mu.Unlock()
		if late == nil {
			late = time.After(c.guard.periods.unanswered)
		}
		select {
		case <-c.answered:
		case <-late:
			_ = c.end(DropDeaf)
			return false
		case <-c.closed:
			return false
		}
	}
}

// next gives the next whole message, in memory of its own.
func (c *Conn) next() ([]byte, error) {
	for {
		text, n, err := c.frame(c.buf)
		if err != nil {
			return nil, err
		}
		if text != nil {
			text = bytes.Clone(text)
			c.heard = c.guard.clock.Now()
		}
		c.keep(n)
		switch {
		case text != nil:
			return text, nil
		case n > 0 && len(c.buf) > 0: // something was passed over; look behind it
		default:
			if err := c.fill(); err != nil {
				return nil, err
			}
		}
	}
}

// keep drops the first n bytes of the buffer, and the buffer if nothing is left:
// an idle connection holds none.
func (c *Conn) keep(n int) {
	c.buf = c.buf[:copy(c.buf, c.buf[n:])]
	if len(c.buf) == 0 {
		c.buf = nil
	} else if n > 0 {
		c.begun = c.guard.clock.Now()
	}
}

// readSize is read at once.
const readSize = 4 << 10

// fill reads more, within the time that is left.
func (c *Conn) fill() error {
	for {
		partial := len(c.buf) > 0 || c.skip > 0
		until := time.Now().Add(c.guard.periods.first)
		if partial {
			until = time.Now().Add(c.begun.Add(c.guard.periods.message).Sub(c.guard.clock.Now()))
		}
		_ = c.Conn.SetReadDeadline(until)
		old := len(c.buf)
		var space [readSize]byte
		n, err := c.Conn.Read(space[:])
		if n > 0 {
			if !partial {
				c.begun = c.guard.clock.Now()
			}
			c.buf = append(c.buf[:old], space[:n]...)
			return nil
		}
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case partial:
			return c.end(DropSlow)
		case !c.mayStay():
			return c.end(DropIdle)
		}
	}
}

// mayStay reports whether an idle connection is kept: over it a trunk may have to
// end a call much later, and there may be no other way from him to us.
func (c *Conn) mayStay() bool {
	kind, _ := c.guard.host.Source(c.from)
	return kind == FarEnd || kind == Trunk && c.guard.clock.Now().Sub(c.heard) < c.guard.periods.idle
}

// frame finds the first whole message in b and says how many bytes it and what
// is before it take. No message yet: nil, and what can be forgotten.
func (c *Conn) frame(b []byte) (text []byte, n int, err error) {
	if c.skip > 0 {
		n = min(c.skip, len(b))
		c.skip -= n
		return nil, n, nil
	}
	for bytes.HasPrefix(b[n:], crlf) {
		n += 2
		if c.half = !c.half; c.half {
			continue
		}
		if _, err := c.Write(crlf); err != nil { // a ping (RFC 5626 3.5.1)
			return nil, n, err
		}
	}
	rest := b[n:]
	c.half = c.half && (len(rest) == 0 || rest[0] == '\r')
	for len(rest) > 0 && rest[0] == 0 {
		rest, n = rest[1:], n+1
	}
	if len(rest) == 0 {
		return nil, n, nil
	}
	if end := bytes.Index(rest, crlf); end > maxStartLine || end < 0 && len(rest) > maxStartLine ||
		end >= 0 && !c.sketch.read(rest) {
		return nil, n, c.end(DropNotSIP)
	} else if end < 0 {
		return nil, n, nil
	}
	s := &c.sketch
	size := s.head + s.contentLength
	switch {
	case s.head == 0 && len(rest) <= MaxMessage:
		return nil, n, nil
	case s.head == 0:
		return nil, n, c.refuse(rest, 513)
	case s.contentLength < 0 || s.counts[hContentLength] > 1:
		// Nobody knows where the next message begins.
		return nil, n, c.refuse(rest[:s.head], 400)
	case size > MaxMessage && s.contentLength > maxSkipped:
		return nil, n, c.refuse(rest[:s.head], 413)
	case size > MaxMessage:
		code := 413
		if s.head > MaxMessage {
			code = 513
		}
		v := c.guard.judge(message{from: c.from, data: rest[:s.head], stream: true, tooBig: code}, s)
		if v.answer != nil {
			if _, err := c.Write(v.answer); err != nil {
				return nil, n, err
			}
		}
		have := min(size, len(rest))
		c.skip = size - have
		return nil, n + have, nil
	case len(rest) < size:
		return nil, n, nil
	}
	return rest[:size], n + size, nil
}

// refuse answers what cannot be framed and ends the connection.
func (c *Conn) refuse(head []byte, code int) error {
	v := c.guard.judge(message{from: c.from, data: head, stream: true, tooBig: code}, &c.sketch)
	if v.answer != nil {
		_, _ = c.Write(v.answer)
	}
	return c.end(DropMalformed)
}
