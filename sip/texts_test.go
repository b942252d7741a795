package sip

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestReadReason(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		values []string
		want   cause
	}{
		{nil, cause{}},
		{[]string{`Q.850;cause=16;text="Terminated"`}, cause{q850: 16, text: "Terminated"}},
		{[]string{`q.850 ; cause = 17`}, cause{q850: 17}},
		{[]string{`SIP;cause=200;text="Call completed elsewhere"`}, cause{sip: 200, text: "Call completed elsewhere"}},
		{[]string{`SIP;cause=487;text="a, b; c", Q.850;cause=19;text="no \"one\""`}, cause{q850: 19, sip: 487, text: `no "one"`}},
		{[]string{`SIP;cause=487`, `Q.850;cause=34`}, cause{q850: 34, sip: 487}},
		{[]string{`Q.850;cause=999`, `SIP;cause=999`, `SIP;cause=180`, `Q.850;cause=-1`}, cause{}},
		{[]string{`Q.850;cause=x;text`, `;;;`, `,`}, cause{}},
	} {
		var hs []sipmsg.Header
		for _, v := range tc.values {
			hs = append(hs, sipmsg.NewHeader("Reason", v))
		}
		if got := readReason(hs); got != tc.want {
			t.Errorf("%q: %+v, want %+v", tc.values, got, tc.want)
		}
	}
	long := reason(16, strings.Repeat("x", 500)+"\r\nVia: y").Value()
	if len(long) > 200 || strings.ContainsAny(long, "\r\n") {
		t.Errorf("a reason of ours: %q", long)
	}
	if got := readReason([]sipmsg.Header{reason(21, `say "no"`)}); got != (cause{q850: 21, text: `say "no"`}) {
		t.Errorf("our own reason reads as %+v", got)
	}
}

func TestInfoDigit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind, body string
		want       byte
		ms         int
	}{
		{typeRelay, "Signal=5\r\nDuration=160\r\n", '5', 160},
		{typeRelay, "Signal= *\nDuration=100", '*', 100},
		{typeRelay, "signal:#", '#', 0},
		{typeRelay, "Duration=160\r\nSignal=11", '#', 160},
		{typeRelay, "Duration=160", 0, 0},
		{typeRelay, "Signal=55", 0, 0},
		{typeRelay, "Signal=A", 0, 0},
		{typeRelay, "Signal=5\r\nDuration=soon", '5', 0},
		{typeRelay, "Signal=5\r\nDuration: 2500\r\nDuration=1\r\n", '5', 2500},
		{typeDTMF, "7", '7', 0},
		{typeDTMF, " 10\r\n", '*', 0},
		{typeDTMF, "", 0, 0},
		{typeDTMF, strings.Repeat("1", 300), 0, 0},
	} {
		got, held, ok := infoDigit(tc.kind, []byte(tc.body))
		if got != tc.want || ok != (tc.want != 0) || ok && held != time.Duration(tc.ms)*time.Millisecond {
			t.Errorf("%s %q: %q %v %v, want %q %d ms", tc.kind, tc.body, got, held, ok, tc.want, tc.ms)
		}
	}
}

func TestSipgoLogsAreTamed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(newGuardedLog(slog.NewTextHandler(&out, nil))).With("from", "sip:79991234567@x")
	log.Info("not worth a line")
	log.Warn("TCP ref went negative, not worth one either")
	log.Error("failed to parse", "data", "INVITE sip:78005553535@x SIP/2.0\r\n"+strings.Repeat("x", 4000), "error", error(errText("call 79990001122")))
	text := out.String()
	for _, secret := range []string{"79991234567", "78005553535", "79990001122", "not worth"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log: %s", secret, text)
		}
	}
	if len(text) > 700 || strings.Count(text, "\n") != 1 {
		t.Errorf("%d bytes, %d lines: %s", len(text), strings.Count(text, "\n"), text)
	}
	if !strings.Contains(text, "*35@x") {
		t.Errorf("nothing tells two numbers apart: %s", text)
	}
}

type errText string

func (e errText) Error() string { return string(e) }

func TestAStoredDialogReadsBack(t *testing.T) {
	t.Parallel()
	d := &dialog{trunk: "main", callID: "id", transport: "UDP", contact: "<sip:a@b>", nextHop: "192.0.2.1:5060", localSeq: 7,
		routes: []string{"<sip:proxy.example.com;lr>"},
		local:  party{tag: "l", uri: sipmsg.Uri{Scheme: "sip", User: "1", Host: "192.0.2.9"}},
		remote: party{tag: "r", uri: sipmsg.Uri{Scheme: "sip", User: "2", Host: "[2001:db8::1]"}},
		target: sipmsg.Uri{Scheme: "sip", User: "3", Host: "192.0.2.2", Port: 5070}}
	back, err := restore(d.store())
	if err != nil {
		t.Fatal(err)
	}
	bye := back.request(sipmsg.BYE, back.next()).String()
	for _, part := range []string{"BYE sip:3@192.0.2.2:5070 SIP/2.0", "From: <sip:1@192.0.2.9>;tag=l", "To: <sip:2@[2001:db8::1]>;tag=r", "Call-ID: id", "Route: <sip:proxy.example.com;lr>"} {
		if !strings.Contains(bye, part+"\r\n") {
			t.Errorf("%q is missing in\n%s", part, bye)
		}
	}
	if back.localSeq <= d.localSeq {
		t.Error("the BYE could repeat a sequence number that was used")
	}
	if back.hop() != "proxy.example.com:5060" {
		t.Errorf("the BYE goes to %s", back.hop())
	}
}

func TestTheLibrarysLogHasNoCredentialsAndAnEnd(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	h := newGuardedLog(slog.NewTextHandler(&out, nil))
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	write := func(text string) {
		r := slog.NewRecord(at, slog.LevelError, "failed to parse", 0)
		r.AddAttrs(slog.String("data", text))
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		write("BYE\r\nAuthorization: Digest username=\"me\",\r\n  response=\"deadbeef\"\r\nproxy-authorization: secret\r\nTo: x\r\n")
	}
	if n := strings.Count(out.String(), "\n"); n != maxLogRate {
		t.Errorf("%d lines in a second, want %d", n, maxLogRate)
	}
	for _, secret := range []string{"deadbeef", "secret", "username"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	if !strings.Contains(out.String(), "To: x") {
		t.Error("what follows the credentials is gone, too")
	}
	at = at.Add(time.Second)
	write("x")
	if !strings.Contains(out.String(), "left_out=990") {
		t.Error("nobody is told how many records were left out")
	}
}
