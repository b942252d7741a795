package sip

import (
	"net"
	"net/netip"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/media"
	"zvonar/sip/trunk"
)

// edge makes a user agent that is never started.
func edge(t testing.TB) *UA {
	t.Helper()
	trunks, err := trunk.NewSet([]trunk.Config{{Name: "t", URI: "sip:192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	ua, err := New(Config{Listen: []string{"udp://127.0.0.1:0"}, Trunks: trunks, Media: &media.Engine{}})
	if err != nil {
		t.Fatal(err)
	}
	return ua
}

func from(addr string) sipmsg.TransportReadProps {
	return sipmsg.TransportReadProps{Transport: "UDP", RemoteAddr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))}
}

func TestFirstLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"INVITE sip:1@x SIP/2.0":   true,
		"invite sip:1@x SIP/2.0":   true,
		"FOO%+ sip:1@x SIP/7.0":    true,
		"SIP/2.0 200 OK":           true,
		"SIP/2.0 200":              true,
		"SIP/2.0 20x OK":           false,
		"SIP/2.0":                  false,
		"INVITE  sip:1@x SIP/2.0":  false,
		"INVITE sip:1@x HTTP/1.1":  false,
		"INVITE sip:1\x00 SIP/2.0": false,
		"{} sip:1@x SIP/2.0":       false,
		"":                         false,
	} {
		if got := looksLikeSIP([]byte(line + "\r\nVia: x\r\n\r\n")); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestDialogPeersAreHeardWhileTheyLast(t *testing.T) {
	t.Parallel()
	ua := edge(t)
	text := []byte("BYE sip:1@x SIP/2.0\r\n\r\n")
	kept := func() bool { b, err := ua.filter(from("198.51.100.7:5060"), text); return err == nil && b != nil }
	a := netip.MustParseAddr("198.51.100.7")
	if kept() {
		t.Error("a stranger is heard")
	}
	ua.peers.add(a, 1)
	ua.peers.add(a, 1)
	ua.peers.add(a, -1)
	if !kept() {
		t.Error("the far end of a dialog is not heard")
	}
	ua.peers.add(a, -1)
	if kept() {
		t.Error("the far end of an ended dialog is heard")
	}
}

func TestConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	trunks, err := trunk.NewSet(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{"", "127.0.0.1:5060", "ws://127.0.0.1:5060", "udp://localhost:5060", "udp://127.0.0.1", "udp://0.0.0.0:5060", "udp://127.0.0.1:5060/x"} {
		if _, err := New(Config{Listen: []string{listen}, Trunks: trunks, Media: &media.Engine{}}); err == nil {
			t.Errorf("%q is accepted", listen)
		}
	}
	if _, err := New(Config{Listen: []string{"udp://0.0.0.0:5060"}, Advertise: netip.MustParseAddr("192.0.2.9"), Trunks: trunks, Media: &media.Engine{}}); err != nil {
		t.Errorf("every address with an advertised one: %v", err)
	}
}

// FuzzEdge sends bytes through the filter, the parser, the validation and an
// answer, as the user agent does.
func FuzzEdge(f *testing.F) {
	f.Add([]byte("INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("CANCEL sip:1@x SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: x\r\n\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=16;text=\"\r\n\r\n"))
	f.Add([]byte("OPTIONS sip:1@x SIP/2.0\r\nRecord-Route: <sip:p;lr>,<sip:q;lr>\r\nRequire: \x01\r\n\r\n"))
	ua := edge(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		kept, err := ua.filter(from("192.0.2.1:5060"), data)
		if err != nil {
			t.Fatal("the filter returned an error, which ends the listener")
		}
		if kept == nil {
			return
		}
		msg, err := sipmsg.ParseMessage(kept)
		if err != nil {
			return
		}
		readReason(msg.GetHeaders("Reason"))
		routeSet(msg.GetHeaders("Record-Route"))
		req, ok := msg.(*sipmsg.Request)
		if !ok {
			return
		}
		code, hs := validate(req)
		if code == 0 {
			code = 200
		}
		res := sipmsg.NewResponseFromRequest(req, code, phrase(code), nil)
		for _, h := range hs {
			res.AppendHeader(h)
		}
		_ = res.String()
	})
}
