package trace

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	us   = netip.MustParseAddrPort("192.0.2.1:5060")
	them = netip.MustParseAddrPort("198.51.100.7:5060")
)

// text is an INVITE within a dialog.
func text(dialog, more string) []byte {
	return []byte("INVITE sip:79004443322@198.51.100.7 SIP/2.0\r\nCall-ID: " + dialog + "\r\n" + more + "Content-Length: 0\r\n\r\n")
}

func started(t *testing.T, c clock.Clock, change func(*Config)) *Recorder {
	t.Helper()
	cfg := Config{Dir: filepath.Join(t.TempDir(), "traces"), MaxBytes: 64 << 20, Clock: c}
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, r) })
	return r
}

func stop(t *testing.T, r *Recorder) {
	t.Helper()
	if err := r.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, r *Recorder, call string) []calls.SIPMessage {
	t.Helper()
	list, err := r.Read(t.Context(), call, noon.Add(-time.Hour), noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAllLegsOfACallAreFoundInTheOrderOfTimeAndNothingElse(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	r := started(t, c, nil)
	r.Seen(false, "udp", us, them, text("in@x", "")) // the INVITE that makes the call
	r.Bind("call_1", "in@x", "customer", "79004443322")
	r.Bind("call_1", "out@x", "manager")
	r.Bind("call_2", "other@x", "customer")
	for i, dialog := range []string{"out@x", "other@x", "in@x", "out@x", "nobody@x"} {
		c.Advance(time.Millisecond)
		r.Seen(i%2 == 0, "tcp", us, them, text(dialog, fmt.Sprintf("X-N: %d\r\n", i)))
	}
	list := read(t, r, "call_1")
	var got []string
	for _, m := range list {
		got = append(got, fmt.Sprint(m.SIPCallID, " ", m.Role, " ", m.Sent, " ", m.Network, " ", m.Header("x-n")))
	}
	want := []string{"in@x customer false udp ", "out@x manager true tcp 0", "in@x customer true tcp 2", "out@x manager false tcp 3"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if list[0].Local != us || list[0].Remote != them || !list[0].At.Equal(noon) || list[0].Text != string(text("in@x", "")) {
		t.Errorf("the message is %+v", list[0])
	}
	if found := read(t, r, "call_3"); len(found) != 0 {
		t.Errorf("a call that never was has %v", found)
	}
}

func TestWhatWasWrittenIsFoundAfterARestartAndATornEndIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(c *Config) { c.Dir = dir }
	r := started(t, clock.NewFake(noon), at)
	r.Bind("call_1", "a@x", "customer")
	for range 3 {
		r.Seen(true, "udp", us, them, text("a@x", ""))
	}
	stop(t, r)
	names, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(names) != 1 {
		t.Fatalf("segments %v", names)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, started(t, clock.NewFake(noon), at), "call_1"); len(got) != 3 {
		t.Errorf("after a restart there are %d messages, want 3", len(got))
	}
	// As a kill in the middle of a write leaves it: no index, half a record.
	torn := t.TempDir()
	path := filepath.Join(torn, filepath.Base(names[0]))
	if err := os.WriteFile(path, whole[:len(whole)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	r = started(t, clock.NewFake(noon.Add(time.Minute)), func(c *Config) { c.Dir = torn })
	r.Seen(true, "udp", us, them, text("a@x", "X-New: 1\r\n"))
	if got := read(t, r, "call_1"); len(got) != 3 || got[2].Header("X-New") != "1" {
		t.Errorf("after a torn end: %v", got)
	}
}

func TestTheOldestGoWhereTheLimitIsReached(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	r := started(t, c, func(c *Config) { c.MaxBytes = 1 << 20 })
	pad := "X-Pad: " + strings.Repeat("x", 4000) + "\r\n"
	for i := range 600 {
		call := fmt.Sprint("call_", i)
		r.Bind(call, call+"@x", "customer")
		r.Seen(true, "udp", us, them, text(call+"@x", pad))
		c.Advance(time.Millisecond)
		if i%20 == 0 {
			read(t, r, call) // so that it is written in portions
		}
	}
	if got := read(t, r, "call_599"); len(got) != 1 {
		t.Error("the newest is not there")
	}
	if got := read(t, r, "call_0"); len(got) != 0 {
		t.Error("the oldest is still there")
	}
	var size int64
	files, _ := os.ReadDir(r.cfg.Dir)
	for _, f := range files {
		if info, err := f.Info(); err == nil && strings.HasSuffix(f.Name(), ".seg") {
			size += info.Size()
		}
	}
	if size > 1<<20 || size < 1<<19 {
		t.Errorf("%d bytes are kept of at most %d", size, 1<<20)
	}
}

func TestWhatIsTooOldGoes(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	r := started(t, c, func(c *Config) { c.Retention = 10 * time.Minute })
	r.Bind("call_1", "a@x", "customer")
	r.Seen(true, "udp", us, them, text("a@x", ""))
	if got := read(t, r, "call_1"); len(got) != 1 {
		t.Fatal("nothing was kept")
	}
	err := r.ask(t.Context(), func() error {
		r.shelf.expire(noon.Add(9 * time.Minute))
		if r.shelf.open == nil {
			t.Error("what is young enough was closed")
		}
		r.shelf.expire(noon.Add(11 * time.Minute)) // closes it
		r.shelf.expire(time.Now().Add(time.Hour))  // by the time the file was written
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(r.cfg.Dir); len(files) != 0 {
		t.Errorf("there is still %v", files)
	}
}

func TestAnErasedCallIsNoLongerOnTheDisk(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		r := started(t, clock.NewFake(noon), nil)
		r.Bind("call_1", "a@x", "customer", "79004443322")
		r.Bind("call_2", "b@x", "customer", "79995550011")
		r.Seen(true, "udp", us, them, text("a@x", "From: <sip:79004443322@x>\r\n"))
		r.Seen(true, "udp", us, them, text("b@x", "X-Other: stays\r\n"))
		if full {
			read(t, r, "call_1")
			if err := r.ask(t.Context(), func() error { r.shelf.close(); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Erase(t.Context(), "call_1", noon.Add(-time.Minute), noon.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, r, "call_1"); len(got) != 0 {
			t.Errorf("found after the erasure: %v", got)
		}
		if got := read(t, r, "call_2"); len(got) != 1 || got[0].Header("X-Other") != "stays" {
			t.Errorf("another call has %v", got)
		}
		names, _ := filepath.Glob(filepath.Join(r.cfg.Dir, "*.seg"))
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("From: <sip:79004443322")) || bytes.Contains(b, []byte("a@x")) {
				t.Error("the number is still in the file")
			}
			if _, whole := placesOf(b, 0); whole != len(b) {
				t.Errorf("the segment is broken at %d of %d", whole, len(b))
			}
		}
	}
}

func TestWhatComesFasterThanItIsWrittenIsDroppedAndNobodyWaits(t *testing.T) {
	t.Parallel()
	r, err := New(Config{Dir: t.TempDir(), MaxBytes: 1 << 30, Clock: clock.NewFake(noon)}) // nobody writes: not started
	if err != nil {
		t.Fatal(err)
	}
	big := text("a@x", "X-Pad: "+strings.Repeat("x", 8000)+"\r\n")
	for range 3000 {
		r.Seen(true, "udp", us, them, big)
	}
	if len(r.slab) > slabMost+maxData {
		t.Errorf("%d bytes wait", len(r.slab))
	}
}

func TestACollectorGetsEveryMessageWithTheCallThatItBelongsTo(t *testing.T) {
	t.Parallel()
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sink.Close() }()
	hep, err := NewHEP(sink.LocalAddr().String(), 2001, "hidden")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hep.Close() }()
	r := started(t, clock.NewFake(noon), func(c *Config) { c.HEP = hep; c.MaxBytes = 0 })
	six := netip.MustParseAddrPort("[2001:db8::7]:5061")
	r.Seen(false, "udp", us, them, text("a@x", ""))
	r.Bind("call_1", "a@x", "customer")
	r.Bind("call_1", "b@x", "manager")
	r.Seen(true, "tls", netip.MustParseAddrPort("[2001:db8::1]:5061"), six, text("b@x", ""))
	for i, dialog := range []string{"a@x", "b@x"} {
		b := make([]byte, 65536)
		_ = sink.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := sink.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		chunks := chunksOf(t, b[:n])
		if got := string(chunks[hepPayload]); got != string(text(dialog, "")) {
			t.Errorf("payload %q", got)
		}
		// The first was seen before anybody knew whose it is; both go out together.
		if got := string(chunks[hepCorrelation]); i == 1 && got != "call_1" {
			t.Errorf("message %d belongs to %q", i, got)
		}
		if string(chunks[hepKey]) != "hidden" || binary.BigEndian.Uint32(chunks[hepNode]) != 2001 || chunks[hepKind][0] != 1 {
			t.Errorf("chunks %v", chunks)
		}
		switch i {
		case 0:
			if string(chunks[hepSource4]) != string(them.Addr().AsSlice()) || chunks[hepProtocol][0] != 17 {
				t.Error("not from them over UDP")
			}
		case 1:
			if string(chunks[hepTarget6]) != string(six.Addr().AsSlice()) || chunks[hepProtocol][0] != 6 || binary.BigEndian.Uint16(chunks[hepTargetPort]) != 5061 {
				t.Error("not to them over TCP")
			}
		}
	}
}

// chunksOf takes a HEP packet apart, strictly.
func chunksOf(t *testing.T, b []byte) map[uint16][]byte {
	t.Helper()
	if len(b) < 6 || string(b[:4]) != "HEP3" || int(binary.BigEndian.Uint16(b[4:])) != len(b) {
		t.Fatalf("no HEP packet: %q", b)
	}
	chunks := map[uint16][]byte{}
	for b = b[6:]; len(b) > 0; {
		n := int(binary.BigEndian.Uint16(b[4:]))
		if binary.BigEndian.Uint16(b) != 0 || n < 6 || n > len(b) {
			t.Fatalf("a broken chunk: %q", b)
		}
		chunks[binary.BigEndian.Uint16(b[2:])] = b[6:n]
		b = b[n:]
	}
	return chunks
}

func TestCallsOfAWatchedNumberAreWatchedForAWhile(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	w := NewWatch(c)
	w.began("before", []string{"79004443322"})
	if _, ok := w.Number("79004443322", 10*time.Minute); !ok {
		t.Fatal("refused")
	}
	w.began("during", []string{"78005553535", "79004443322"})
	w.began("other", []string{"79995550011", ""})
	for call, want := range map[string]bool{"before": false, "during": true, "other": false} {
		if got := w.Call(call); got != want {
			t.Errorf("%s is watched: %t", call, got)
		}
	}
	c.Advance(10 * time.Minute)
	w.began("after", []string{"79004443322"})
	if w.Call("after") || len(w.Numbers()) != 0 {
		t.Error("watched after its time")
	}
	if !w.Call("during") {
		t.Error("a call is let go in its middle")
	}
	c.Advance(stays)
	if w.Call("during") || !w.Any() {
		t.Error("a call is watched for ever, or the list was swept early")
	}
	if w.Numbers(); w.Any() {
		t.Error("nobody is watched, and somebody still looks")
	}
	for i := range maxWatched {
		w.Number(fmt.Sprint("7900000", i), time.Minute)
	}
	if _, ok := w.Number("78", time.Minute); ok {
		t.Error("one too many was taken")
	}
}

func BenchmarkSeen(b *testing.B) {
	r, err := New(Config{Dir: b.TempDir(), MaxBytes: 1 << 30, Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	m := text("01M7ZRCX4NWTWHK1351HSJTWRF@zvonar", strings.Repeat("Via: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK.ZLxI8ydBdlWvjJqb;rport\r\n", 8))
	b.ReportAllocs()
	for b.Loop() {
		r.Seen(true, "udp", us, them, m)
		if len(r.slab) > slabSoon {
			r.slab = r.slab[:0]
		}
	}
}
