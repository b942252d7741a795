package edge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; it passes only when a test fails.
const patience = time.Minute

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// serving is a TCP listener behind the edge. What sipgo would get comes out of
// got; it is answered with 200 where the test wants it.
type serving struct {
	t      *testing.T
	guard  *Guard
	count  *fakeCount
	s      *Streams
	l      *Listener
	got    chan string
	answer bool
}

func serve(t *testing.T, change func(*serving)) *serving {
	t.Helper()
	_, h, c, _ := newTestGuard()
	v := &serving{t: t, count: c, guard: NewGuard(h, c, clock.System()), got: make(chan string, 100000), answer: true}
	if change != nil {
		change(v)
	}
	v.s = NewStreams(v.guard)
	var err error
	if v.l, err = v.s.Listen(t.Context(), loopback, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); v.run() }()
	t.Cleanup(func() {
		_ = v.l.Close()
		_ = v.s.Close()
		<-done
		if n := c.get("connections"); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	})
	return v
}

// run does what sipgo does: a goroutine a connection, read until the end.
func (v *serving) run() {
	for {
		c, err := v.s.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			p := make([]byte, MaxMessage+1024)
			for {
				n, err := c.Read(p)
				if err != nil {
					if !errors.Is(err, io.EOF) {
						v.t.Errorf("a read ended with %v", err)
					}
					return
				}
				v.got <- string(p[:n])
				if v.answer {
					var s sketch
					s.read(p[:n])
					_, _ = c.Write(v.guard.answer(&s, trunkAddr, 200, ""))
				}
			}
		}()
	}
}

func (v *serving) dial() net.Conn {
	v.t.Helper()
	c, err := net.Dial("tcp", v.l.Addr().String())
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

func (v *serving) wait() string {
	v.t.Helper()
	select {
	case m := <-v.got:
		return m
	case <-time.After(patience):
		v.t.Fatal("nothing came through")
		return ""
	}
}

// ended waits for the end of a connection and gives what came before it.
func ended(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		t.Fatal("the connection stays open")
	}
	return string(b)
}

func bye(i int) string {
	return request("BYE", fmt.Sprint("b", i), "192.0.2.2>\r\nCall", "192.0.2.2>;tag=ours\r\nCall")
}

func TestMessagesComeWholeHoweverTheyAreSent(t *testing.T) {
	t.Parallel()
	v := serve(t, func(v *serving) { v.answer = false }) // an answer may overtake the pong
	c := v.dial()
	body := request("BYE", "1", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=ours\r\nCall", "Content-Length: 0\r\n\r\n", "Content-Length: 5\r\n\r\n12345")
	all := "\r\n\r\n" + body + "\r\n" + bye(2) + bye(3)
	for i := range len(all) {
		if _, err := c.Write([]byte(all[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{body, bye(2), bye(3)} {
		if got := v.wait(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	pong := make([]byte, 2)
	if _, err := io.ReadFull(c, pong); err != nil || string(pong) != "\r\n" {
		t.Errorf("the ping got %q, %v", pong, err)
	}
}

func TestAPingIsAnsweredHoweverItIsCut(t *testing.T) {
	t.Parallel()
	_, h, count, _ := newTestGuard()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := &Conn{Conn: ours, guard: NewGuard(h, count, clock.System())}
	pongs := make(chan int, 1)
	go func() {
		b, _ := io.ReadAll(theirs)
		pongs <- len(b) / len(crlf)
	}()
	var buf []byte
	for _, part := range []string{"\r", "\n", "\r", "\n", "\r\n", "\r\n", "\r\n\r", "\n", "\r\n\r\n", "\r\n"} { // four of them, and a half
		buf = append(buf, part...)
		_, n, err := c.frame(buf)
		if err != nil {
			t.Fatal(err)
		}
		buf = buf[n:]
	}
	_ = ours.Close()
	if n := <-pongs; n != 4 {
		t.Errorf("%d pings were answered, want 4", n)
	}
}

func TestWhatCannotBeFramedEndsTheConnection(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, answer, why string }{
		"no length":         {request("BYE", "1", "Content-Length: 0\r\n", ""), "400", DropMalformed},
		"two lengths":       {request("BYE", "1", "Content-Length: 0", "Content-Length: 0\r\nl: 0"), "400", DropMalformed},
		"a negative length": {request("BYE", "1", "Content-Length: 0", "Content-Length: -1"), "400", DropMalformed},
		"a huge body":       {request("BYE", "1", "Content-Length: 0", "Content-Length: 99999999"), "413", DropMalformed},
		"an endless head":   {strings.TrimSuffix(request("BYE", "1"), "\r\n") + strings.Repeat("X: y\r\n", 3000), "513", DropMalformed},
		"HTTP":              {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", DropNotSIP},
		"an endless line":   {strings.Repeat("x", 3000), "", DropNotSIP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := serve(t, nil)
			c := v.dial()
			_, _ = c.Write([]byte(tc.text))
			got := ended(t, c)
			if tc.answer == "" && got != "" || !strings.HasPrefix(got, strings.TrimRight("SIP/2.0 "+tc.answer, " ")) && tc.answer != "" {
				t.Errorf("answered %q, want %s", got, tc.answer)
			}
			if v.count.get("drop "+tc.why) != 1 {
				t.Errorf("counted %v, want %s", v.count.m, tc.why)
			}
		})
	}
}

func TestAMessageThatIsTooLargeIsRefusedAndReadOver(t *testing.T) {
	t.Parallel()
	v := serve(t, nil)
	c := v.dial()
	_, _ = c.Write([]byte(request("BYE", "1", "Content-Length: 0", "Content-Length: 20000") + strings.Repeat("x", 20000) + bye(2)))
	if got := v.wait(); got != bye(2) {
		t.Errorf("got %q", got)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "SIP/2.0 413 ") {
		t.Errorf("answered %q, %v", line, err)
	}
}

func TestADrippingMessageEndsTheConnection(t *testing.T) {
	t.Parallel()
	v := serve(t, func(v *serving) { v.guard.periods.message = 200 * time.Millisecond })
	c := v.dial()
	stop := make(chan struct{})
	go func() { // a byte every 20 ms: no read ever waits long
		defer close(stop)
		for _, b := range []byte(bye(1)) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	ended(t, c)
	<-stop
	if v.count.get("drop "+DropSlow) != 1 {
		t.Errorf("counted %v", v.count.m)
	}
}

// looked is a clock that tells when it was looked at.
type looked struct {
	*clock.Fake
	looks chan struct{}
}

func (l looked) Now() time.Time {
	select {
	case l.looks <- struct{}{}:
	default:
	}
	return l.Fake.Now()
}

func TestAnIdleConnectionEndsButATrunksStays(t *testing.T) {
	t.Parallel()
	clk := looked{clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)), make(chan struct{}, 1)}
	v := serve(t, func(v *serving) {
		v.guard.clock, v.guard.periods.first = clk, 20*time.Millisecond
	})
	c := v.dial()
	for i := range 2 {
		_, _ = c.Write([]byte(bye(i)))
		v.wait()
		for range 10 { // it is silent for longer than anybody else may be
			<-clk.looks
		}
	}
	clk.Advance(usual.idle)
	ended(t, c)
	if v.count.get("drop "+DropIdle) != 1 {
		t.Errorf("counted %v", v.count.m)
	}
}

func TestAPeerThatNeverReadsIsCutOff(t *testing.T) {
	t.Parallel()
	v := serve(t, func(v *serving) { v.guard.periods.write = 200 * time.Millisecond })
	c := v.dial()
	sent := 0
	for ; sent < 2000000; sent++ {
		if _, err := c.Write([]byte(request("OPTIONS", fmt.Sprint(sent)))); err != nil {
			break
		}
	}
	if v.count.get("drop "+DropDeaf) != 1 {
		t.Errorf("after %d OPTIONS counted %v", sent, v.count.m)
	}
}

func TestRequestsWithoutAnswersHoldTheNextOnesBack(t *testing.T) {
	t.Parallel()
	v := serve(t, func(v *serving) { v.answer, v.guard.periods.unanswered = false, 300*time.Millisecond })
	c := v.dial()
	for i := range 5 * maxUnanswered {
		if _, err := c.Write([]byte(bye(i))); err != nil {
			break
		}
	}
	ended(t, c)
	if n := len(v.got); n != maxUnanswered || v.count.get("drop "+DropDeaf) != 1 {
		t.Errorf("%d requests came through, counted %v", n, v.count.m)
	}
}

func TestAnAnswerLetsTheNextRequestThrough(t *testing.T) {
	t.Parallel()
	v := serve(t, nil)
	c := v.dial()
	go func() { _, _ = io.Copy(io.Discard, c) }()
	for i := range 5 * maxUnanswered {
		if _, err := c.Write([]byte(bye(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 * maxUnanswered {
		if got := v.wait(); got != bye(i) {
			t.Fatalf("request %d: %q", i, got)
		}
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	v := serve(t, nil)
	for range maxConnsTrunk {
		v.dial()
	}
	c := v.dial()
	if got := ended(t, c); got != "" || v.count.get("drop "+DropConnection) != 1 {
		t.Errorf("one too many got %q, counted %v", got, v.count.m)
	}
}

func TestAStrangersConnectionEndsAtOnce(t *testing.T) {
	t.Parallel()
	v := serve(t, nil)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}}
	c, err := d.DialContext(context.Background(), "tcp", v.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	ended(t, c)
	if v.count.get("drop "+DropSource) != 1 {
		t.Errorf("counted %v", v.count.m)
	}
}

func TestAListenerIsOpenedAnewAndItsConnectionsStay(t *testing.T) {
	t.Parallel()
	v := serve(t, nil)
	old := v.dial()
	_, _ = old.Write([]byte(bye(1)))
	v.wait()
	if err := v.l.Reopen(); err != nil {
		t.Fatal(err)
	}
	for i, c := range []net.Conn{old, v.dial()} {
		_, _ = c.Write([]byte(bye(10 + i)))
		if got := v.wait(); got != bye(10+i) {
			t.Errorf("got %q", got)
		}
	}
	// Broken from outside, as by an error that nobody foresaw.
	_ = v.l.sock.Load().Close()
	for deadline := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", v.l.Addr().String())
		if err == nil {
			_, _ = c.Write([]byte(bye(20)))
			v.wait()
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
