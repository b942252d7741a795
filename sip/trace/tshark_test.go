package trace

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// tshark reads the messages as a file and gives the fields of each packet.
func tshark(t *testing.T, list []calls.SIPMessage, as string, fields ...string) [][]string {
	t.Helper()
	if testing.Short() {
		t.Skip("outside peers are left out with -short")
	}
	bin, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: sudo apt-get install tshark (make test does it)")
	}
	path := filepath.Join(t.TempDir(), "x.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := WritePcap(f, list); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", path, "-T", "fields", "-d", as, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(t.Context(), bin, args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

func TestTsharkReadsTheFileOfACall(t *testing.T) {
	t.Parallel()
	invite, ok := string(text("a@x", "")), "SIP/2.0 200 OK\r\nCall-ID: a@x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
	six, sixUs := netip.MustParseAddrPort("[2001:db8::7]:5060"), netip.MustParseAddrPort("[2001:db8::1]:5060")
	list := []calls.SIPMessage{
		{At: noon, Sent: true, Network: "udp", Local: us, Remote: them, Role: "customer", Text: invite},
		{At: noon.Add(1234567), Network: "udp", Local: us, Remote: them, Role: "customer", Text: ok + "odd"},
		{At: noon, Sent: true, Network: "tcp", Local: us, Remote: them, Role: "manager", Text: invite},
		{At: noon, Sent: true, Network: "tcp", Local: us, Remote: them, Role: "manager", Text: strings.Replace(invite, "INVITE sip:79004443322", "BYE sip:7", 1)},
		{At: noon, Network: "tcp", Local: us, Remote: them, Role: "manager", Text: ok},
		{At: noon, Network: "tls", Local: us, Remote: them, Role: "manager", Text: ok},
		{At: noon, Network: "udp", Local: sixUs, Remote: six, Role: "manager", Text: invite},
	}
	got := tshark(t, list, "udp.port==5060,sip", "frame.time_epoch", "frame.comment", "ip.src", "ipv6.src", "sip.Method", "sip.Status-Code",
		"ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "_ws.expert.message")
	want := []string{
		"1795262400.000000000 customer 192.0.2.1  INVITE  1 1  ",
		"1795262400.001234000 customer 198.51.100.7   200 1 1  ",
		"1795262400.000000000 manager 192.0.2.1  INVITE  1  1 ",
		"1795262400.000000000 manager 192.0.2.1  BYE  1  1 ",
		"1795262400.000000000 manager 198.51.100.7   200 1  1 ",
		"1795262400.000000000 manager, over TLS 198.51.100.7   200 1 1  ",
		"1795262400.000000000 manager  2001:db8::7 INVITE   1  ",
	}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d: %q", len(got), len(want), got)
	}
	for i, row := range got {
		if line := strings.Join(row[:9], " ") + " "; line != want[i] {
			t.Errorf("packet %d is\n%q, want\n%q", i, line, want[i])
		}
		if strings.Contains(row[9], "retransmission") || strings.Contains(row[9], "lost") || strings.Contains(row[9], "Malformed") {
			t.Errorf("packet %d: %s", i, row[9])
		}
	}
}

func TestSngrepReadsTheCopiesForACollector(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("outside peers are left out with -short")
	}
	bin, err := exec.LookPath("sngrep")
	if err != nil {
		t.Skip("sngrep is not installed: sudo apt-get install sngrep (make test does it)")
	}
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "heard.pcap")
	listener := exec.CommandContext(t.Context(), bin, "-N", "-L", "udp:"+address, "-O", path)
	says, err := listener.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Start(); err != nil {
		t.Fatal(err)
	}
	hep, err := NewHEP(address, 2001, "hidden")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hep.Close() }()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { // until it says that it heard of a call
		defer close(ended)
		for {
			for _, rec := range []record{{sent: true, data: text("a@x", "")}, {data: []byte("SIP/2.0 486 Busy Here\r\nCall-ID: a@x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")}} {
				rec.network, rec.at, rec.local, rec.remote = "udp", noon, us, them
				_ = hep.send(rec, "call_1") // it may not listen yet
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	var heard []byte
	for b := make([]byte, 256); !bytes.Contains(heard, []byte("count: 1")); {
		n, err := says.Read(b)
		if heard = append(heard, b[:n]...); err != nil {
			t.Errorf("sngrep heard of no call: %v: %s", err, heard)
			break
		}
	}
	close(done)
	<-ended
	_ = listener.Process.Signal(os.Interrupt)
	_, _ = io.Copy(io.Discard, says)
	_ = listener.Wait() // it does not say much
	f, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]byte{text("a@x", ""), []byte("SIP/2.0 486 Busy Here"), us.Addr().AsSlice(), them.Addr().AsSlice()} {
		if !bytes.Contains(f, want) {
			t.Errorf("sngrep wrote nothing of %q", want)
		}
	}
}
