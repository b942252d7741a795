package peers

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zvonar/test/daemons"
	"zvonar/test/hearing"
	"zvonar/test/ports"
)

// listener is a baresip that answers, plays a tune and records what it hears.
type listener struct {
	t    *testing.T
	dir  string
	port int
	ctrl int // where it takes commands
	says []int16
	out  *daemons.Output
}

func listen(t *testing.T, user, codec string, says []int16) *listener {
	t.Helper()
	return listenAs(t, "127.0.0.1", fmt.Sprintf("<sip:%s@127.0.0.1:@PORT@>;regint=0;answermode=auto;audio_codecs=%s\n", user, codec), says)
}

// listenAs starts one at an address of this machine, with accounts where @PORT@ is
// its own.
func listenAs(t *testing.T, ip, accounts string, says []int16) *listener {
	t.Helper()
	bin := program(t, "baresip", "baresip")
	l := &listener{t: t, dir: t.TempDir(), port: ports.Pair(t), says: says} // baresip listens for TLS on the port after its own
	rtp := ports.Block(t)
	l.ctrl = ports.Free(t)
	write(t, filepath.Join(l.dir, "tune.wav"), wav(t, says))
	write(t, filepath.Join(l.dir, "accounts"), []byte(strings.ReplaceAll(accounts, "@PORT@", fmt.Sprint(l.port))))
	write(t, filepath.Join(l.dir, "config"), fmt.Appendf(nil, `module_path %s
module g711.so
module aufile.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
net_interface %s
sip_listen %s:%d
rtp_ports %d-%d
audio_source aufile,%s
audio_player aufile,%s
snd_path %s
`, baresipModules(t), l.ctrl, ip, ip, l.port, rtp, rtp+100, filepath.Join(l.dir, "tune.wav"), filepath.Join(l.dir, "unused.wav"), l.dir))
	_, l.out = background(t, bin, "-f", l.dir)
	return l
}

// hears compares what was recorded with three seconds out of the middle of a tune,
// half a second at a time: how many of the six pieces are there, and how long the
// longest dropout in them is, in ms. Each piece is looked for within 60 ms of its
// place: on a busy machine a baresip plays a frame early or late, and what comes
// after it is whole all the same.
func (l *listener) hears(tune []int16) (pieces, gap int) {
	l.t.Helper()
	const piece, near = 4000, 480
	part, heard := tune[3*8000:6*8000], recorded(l.t, l.dir, l.out, 8000)[0]
	shift, _ := align(heard, part)
	for at := 0; at < len(part); at += piece {
		from, to := max(0, shift+at-near), min(len(heard), shift+at+piece+near)
		if to-from < piece {
			break // it was cut off before
		}
		off, corr := align(heard[from:to], part[at:at+piece])
		if corr >= 0.9 {
			pieces++
		}
		gap = max(gap, longestDropout(heard[from+off:], part[at:at+piece]))
	}
	return pieces, gap
}

// TestTwoPartiesHearEachOther connects two baresips, each of which plays a tune of
// its own, in one codec and in two.
func TestTwoPartiesHearEachOther(t *testing.T) {
	for _, codecs := range [][2]string{{"pcma", "pcma"}, {"pcma", "pcmu"}} {
		t.Run(codecs[0]+" "+codecs[1], func(t *testing.T) {
			tune := melody(12)
			back := slices.Clone(tune)
			slices.Reverse(back)
			manager, client := listen(t, "201", codecs[0], tune), listen(t, "79161234567", codecs[1], back)
			d := start(t, options{peerPort: client.port, trunk: fmt.Sprintf(
				"}\n  - {name: office, uri: \"sip:127.0.0.1:%d\", numbers: [\"78005553536\"], options: 0s, max_calls: 10", manager.port)})
			d.Eventually("both baresips to come up", func() bool {
				return strings.Contains(manager.out.String(), "baresip is ready") && strings.Contains(client.out.String(), "baresip is ready")
			})
			hearing.Judge(t, func() (wrong []string) {
				forget(t, client.dir)
				forget(t, manager.dir)
				var made call
				if code := d.request("POST", "/v1/bridges", map[string]any{"first": "201@office", "second": "79161234567", "max_duration": "8s"}, &made); code != 202 {
					t.Fatalf("POST /v1/bridges: %d", code)
				}
				c := d.over(made.ID)
				if c.Outcome != "answered" || c.Reason != "max_duration" || c.To != "79161234567" || len(c.Legs) != 2 {
					t.Fatalf("ended as %+v\n%s\n%s", c, manager.out, client.out)
				}
				if got, want := types(d.events(c.ID)), "queued bridging dialing ringing answered bridged unbridged completed"; got != want && got != strings.Replace(want, "ringing ", "", 1) {
					t.Errorf("events %q, want %q", got, want)
				}
				return append(client.misses("the client", tune), manager.misses("the manager", back)...)
			})
		})
	}
}

// misses says what is wrong with a tune as somebody heard it.
func (l *listener) misses(who string, tune []int16) (wrong []string) {
	l.t.Helper()
	if pieces, gap := l.hears(tune); pieces < 5 || gap > 40 {
		wrong = append(wrong, fmt.Sprintf("%s hears %d of 6 pieces, and a dropout of %d ms", who, pieces, gap))
	}
	return wrong
}

// TestSIPpAClientHoldsAndResumesInATalk: hold by re-INVITE and UPDATE ends no talk,
// and neither does our own.
func TestSIPpAClientHoldsAndResumesInATalk(t *testing.T) {
	t.Parallel()
	client, manager := scenario(t, "holdcallee", 1, "", nil), scenario(t, "answer", 1, "", nil)
	d := start(t, options{peerPort: client.port, trunk: fmt.Sprintf(
		"}\n  - {name: office, uri: \"sip:127.0.0.1:%d\", numbers: [\"78005553536\"], options: 0s, max_calls: 10", manager.port)})
	var made call
	if code := d.request("POST", "/v1/bridges", map[string]any{"first": "201@office", "second": "79161234567"}, &made); code != 202 {
		t.Fatalf("POST /v1/bridges: %d", code)
	}
	c := d.over(made.ID)
	client.done()
	manager.done()
	if c.Outcome != "answered" || c.Reason != "hangup" || c.HangupBy != "customer" || len(c.Attempts) != 2 {
		t.Errorf("ended as %+v", c)
	}
}

// TestSIPpAManagersNumberIsRungByTheNextTrunk: the first trunk refuses where nobody can
// have been rung, so the same number is tried by the other one, as an attempt of its own;
// and so is the client's.
func TestSIPpAManagersNumberIsRungByTheNextTrunk(t *testing.T) {
	t.Parallel()
	full, other := scenario(t, "overloaded", 2, "", nil), scenario(t, "answer", 2, "", nil)
	d := start(t, options{peerPort: full.port, trunks: []string{fmt.Sprintf(
		`name: other, uri: "sip:127.0.0.1:%d", numbers: ["78005553536"], options: 0s, max_calls: 10`, other.port)}})
	var made call
	if code := d.request("POST", "/v1/bridges", map[string]any{"first": "74951234567", "second": "79161234567", "max_duration": "5s"}, &made); code != 202 {
		t.Fatalf("POST /v1/bridges: %d", code)
	}
	c := d.over(made.ID)
	full.done()
	other.done()
	if c.Outcome != "answered" || c.Reason != "max_duration" || len(c.Attempts) != 4 {
		t.Fatalf("ended as %+v: %s", c, types(d.events(c.ID)))
	}
	for i, party := range []struct{ role, to string }{{"manager", "74951234567"}, {"customer", "79161234567"}} {
		first, second := c.Attempts[2*i], c.Attempts[2*i+1]
		if first.Trunk != "main" || first.SIPCode != 503 || first.Charged || first.Role != party.role || first.To != party.to {
			t.Errorf("the first attempt at the %s: %+v", party.role, first)
		}
		if second.Trunk != "other" || second.SIPCode != 200 || second.Role != party.role || second.To != party.to {
			t.Errorf("the second attempt at the %s: %+v", party.role, second)
		}
	}
	if got := types(d.events(c.ID)); !strings.HasPrefix(got, "queued bridging bridging ") || !strings.HasSuffix(got, "bridged unbridged completed") {
		t.Errorf("events %q", got)
	}
}

// TestSIPpAPartyIsHeldAndHandedOn: our own re-INVITE holds and resumes a party, the
// customer is handed to a second manager, and the first one is let go.
func TestSIPpAPartyIsHeldAndHandedOn(t *testing.T) {
	t.Parallel()
	client, managers := scenario(t, "heldcallee", 1, "", nil), scenario(t, "answer", 2, "", nil)
	d := start(t, options{peerPort: client.port, trunk: fmt.Sprintf(
		"}\n  - {name: office, uri: \"sip:127.0.0.1:%d\", numbers: [\"78005553536\"], options: 0s, max_calls: 10", managers.port)})
	var made call
	if code := d.request("POST", "/v1/bridges", map[string]any{"first": "201@office", "second": "79161234567", "anonymous": true}, &made); code != 202 {
		t.Fatalf("POST /v1/bridges: %d", code)
	}
	told := func(what string) {
		t.Helper()
		d.Eventually(what, func() bool { return strings.Contains(types(d.events(made.ID)), what) })
	}
	ask := func(path string, body map[string]any) {
		t.Helper()
		if code := d.request("POST", "/v1/calls/"+made.ID+"/"+path, body, nil); code != 202 {
			t.Fatalf("%s: %d", path, code)
		}
	}
	told("bridged")
	ask("hold", map[string]any{"on": true})
	ask("hold", map[string]any{"on": false})
	ask("dtmf", map[string]any{"digits": "7"})
	ask("play", map[string]any{"record_id": d.clip(melody(7.2))})
	ask("transfer", map[string]any{"target": "202@office"})
	told("transferred")
	var audit struct {
		Items []struct{ Action, Object string }
	}
	d.request("GET", "/v1/audit", nil, &audit)
	for _, action := range []string{"call.hold", "call.dtmf", "call.play", "call.transfer"} {
		if !slices.ContainsFunc(audit.Items, func(i struct{ Action, Object string }) bool { return i.Action == action && i.Object == made.ID }) {
			t.Errorf("no audit entry for %s: %+v", action, audit.Items)
		}
	}
	ask("hangup", nil)
	c := d.over(made.ID)
	client.done()
	managers.done()
	if c.Outcome != "answered" || c.Reason != "by_api" || len(c.Attempts) != 3 || len(c.Actions) != 1 || c.Actions[0].Action != "transfer" {
		t.Errorf("ended as %+v", c)
	}
}
