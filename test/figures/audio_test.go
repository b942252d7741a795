package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"zvonar/internal/failpoint"
)

// TestFirstAudioWhileTheStoreIsSlow takes the time from the answer to the first
// RTP packet, inbound and outbound, with the disk as it is and with 500 ms
// before every commit.
func TestFirstAudioWhileTheStoreIsSlow(t *testing.T) {
	need(t)
	fmt.Println("\n## First audio while the store is slow\n\n| store | way | calls | median ms | p99 ms | max ms |\n|---|---|---|---|---|---|")
	for _, slow := range []bool{false, true} {
		name := "as it is"
		var env []string
		if slow {
			name, env = "500 ms before each commit", []string{failpoint.Variable + "=" + string(failpoint.StoreCommit) + "=delay:500ms"}
		}
		d := configure(t, t.TempDir(), env...)
		d.run()
		d.clip()
		for _, way := range []struct {
			name string
			run  func(*daemon, int) []time.Duration
		}{{"inbound, from our 200", inbound}, {"outbound, from the ACK", outbound}} {
			took := way.run(d, 40)
			fmt.Printf("| %s | %s | %d | %s | %s | %s |\n", name, way.name, len(took), ms(percentile(took, 0.5)), ms(percentile(took, 0.99)), ms(percentile(took, 1)))
		}
		d.stop()
	}
}

const sdpBody = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"

// far is the least that can be called and call: one call at a time.
type far struct {
	t   *testing.T
	sip *net.UDPConn
	rtp *net.UDPConn
}

func newFar(t *testing.T, sipPort int) *far {
	t.Helper()
	listen := func(p int) *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return &far{t, listen(sipPort), listen(0)}
}

func (f *far) close() { _ = f.sip.Close(); _ = f.rtp.Close() }

func (f *far) sdp() string { return fmt.Sprintf(sdpBody, f.rtp.LocalAddr().(*net.UDPAddr).Port) }

// firstAudio is when the first packet of the call came.
func (f *far) firstAudio() time.Time {
	f.t.Helper()
	_ = f.rtp.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := f.rtp.Read(make([]byte, 2000)); err != nil {
		f.t.Fatal(err)
	}
	return time.Now()
}

func (f *far) drainAudio() {
	_ = f.rtp.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	for {
		if _, err := f.rtp.Read(make([]byte, 2000)); err != nil {
			return
		}
	}
}

// read waits for a message that begins with one of the given words.
func (f *far) read(begins ...string) (msg string, from *net.UDPAddr) {
	f.t.Helper()
	buf := make([]byte, 8000)
	for {
		_ = f.sip.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, addr, err := f.sip.ReadFromUDP(buf)
		if err != nil {
			f.t.Fatalf("waiting for %v: %v", begins, err)
		}
		for _, b := range begins {
			if strings.HasPrefix(string(buf[:n]), b) {
				return string(buf[:n]), addr
			}
		}
	}
}

// header is the first header of that name in msg, name included.
func header(msg, name string) string {
	for line := range strings.SplitSeq(msg, "\r\n") {
		if strings.HasPrefix(strings.ToLower(line), strings.ToLower(name)+":") {
			return line
		}
	}
	return ""
}

// request sends a request of the caller with that number to the daemon; id names
// the call, and toHeader has the daemon's tag once there is one.
func (f *far) request(d *daemon, method, id, number, toHeader string, cseq int, body string) {
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: d.sip}
	_, _ = fmt.Fprintf(udpTo{f.sip, to}, "%s sip:1000@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@127.0.0.1>;tag=%s\r\n%s\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:f@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, d.sip, f.sip.LocalAddr(), method, id, number, id, toHeader, id, cseq, method, f.sip.LocalAddr(), kind, len(body), body)
}

// newCall is the To header of a call that the daemon has not tagged yet.
const newCall = "To: <sip:1000@127.0.0.1>"

func inbound(d *daemon, n int) (took []time.Duration) {
	f := newFar(d.t, 0)
	defer f.close()
	for i := range n {
		id := fmt.Sprintf("%d-%d", i, time.Now().UnixNano())
		send := func(method, toHeader string, cseq int, body string) {
			f.request(d, method, id, "79161234567", toHeader, cseq, body)
		}
		f.drainAudio()
		send("INVITE", newCall, 1, f.sdp())
		ok, _ := f.read("SIP/2.0 200")
		answered := time.Now()
		send("ACK", header(ok, "To"), 1, "")
		took = append(took, max(0, f.firstAudio().Sub(answered)))
		send("BYE", header(ok, "To"), 2, "")
		f.read("SIP/2.0 200")
	}
	return took
}

func outbound(d *daemon, n int) (took []time.Duration) {
	f := newFar(d.t, d.peer)
	defer f.close()
	for i := range n {
		body, _ := json.Marshal(map[string]any{"to": fmt.Sprintf("7916%07d", i), "record_id": 1000001})
		f.drainAudio()
		d.do("POST", "/v1/calls", "application/json", bytes.NewReader(body), nil)
		invite, from := f.read("INVITE")
		answer := func(msg, status, body string) string {
			return "SIP/2.0 " + status + "\r\n" + header(msg, "Via") + "\r\n" + header(msg, "From") + "\r\n" + header(msg, "To") + ";tag=far\r\n" +
				header(msg, "Call-ID") + "\r\n" + header(msg, "CSeq") + "\r\nContact: <sip:far@" + f.sip.LocalAddr().String() + ">\r\n" + body
		}
		sdp := f.sdp()
		_, _ = f.sip.WriteToUDP([]byte(answer(invite, "200 OK", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp))), from)
		f.read("ACK")
		acked := time.Now()
		took = append(took, max(0, f.firstAudio().Sub(acked)))
		d.t.Helper()
		bye := fmt.Sprintf("BYE sip:zvonar@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKbye%d\r\nMax-Forwards: 70\r\n%s;tag=far\r\n%s\r\n%s\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
			from, f.sip.LocalAddr(), i, "From"+strings.TrimPrefix(header(invite, "To"), "To"), "To"+strings.TrimPrefix(header(invite, "From"), "From"), header(invite, "Call-ID"))
		_, _ = f.sip.WriteToUDP([]byte(bye), from)
		f.read("SIP/2.0 200")
	}
	return took
}

// udpTo writes to one address of an unconnected socket.
type udpTo struct {
	c  *net.UDPConn
	to *net.UDPAddr
}

func (u udpTo) Write(b []byte) (int, error) { return u.c.WriteToUDP(b, u.to) }
