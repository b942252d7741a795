package peers

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zvonar/sip/resolve/dnstest"
	"zvonar/test/daemons"
	"zvonar/test/ports"
)

// kamailioConfig is a registrar that asks alice for her password, and a proxy that
// stays in the way of every dialog. @AHEAD@ says where new calls go; it notes each
// request and what it was forwarded to.
const kamailioConfig = `
debug=2
log_stderror=yes
log_name="kamailio"
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:@PORT@
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("auth", "nonce_expire", 300)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 5)
modparam("registrar", "max_expires", 10)
modparam("rr", "enable_full_lr", 1)

request_route {
	xlog("L_NOTICE", "SEEN $rm $ru from $si:$sp tag=$tt\n");
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("zvonar.test", "wonderland", "0") || $au != "alice") {
			www_challenge("zvonar.test", "1");
			exit;
		}
		xlog("L_NOTICE", "PASSED $au\n");
		save("location");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (has_totag()) {
		if (loose_route()) {
			xlog("L_NOTICE", "FORWARDED $rm\n");
			t_relay();
			exit;
		}
		if (is_method("ACK") && t_check_trans()) t_relay();
		if (!is_method("ACK")) sl_send_reply("404", "Not here");
		exit;
	}
	if (!is_method("INVITE")) {
		sl_send_reply("405", "Method Not Allowed");
		exit;
	}
	@FIRST@
	loose_route();
	record_route();
	@AHEAD@
	xlog("L_NOTICE", "FORWARDED $rm\n");
	t_relay();
}
`

// kamailio is Kamailio on a port of its own.
type kamailio struct {
	t    *testing.T
	dir  string
	port int
	out  *daemons.Output
	stop func()
}

// newKamailio starts it; ahead sends calls somewhere else than their Request-URI or
// Route says.
func newKamailio(t *testing.T, ahead string) *kamailio { return kamailioThat(t, ahead, "") }

// asksWho has Kamailio ask every caller for alice's password.
const asksWho = `
	if (!pv_proxy_authenticate("zvonar.test", "wonderland", "0")) {
		proxy_challenge("zvonar.test", "1");
		exit;
	}
	xlog("L_NOTICE", "PASSED $au\n");
	consume_credentials();
`

// kamailioThat starts one that does something first with every new call.
func kamailioThat(t *testing.T, ahead, first string) *kamailio {
	t.Helper()
	program(t, "kamailio", "kamailio")
	k := &kamailio{t: t, dir: t.TempDir(), port: ports.Free(t), out: &daemons.Output{}}
	if ahead != "" {
		ahead = fmt.Sprintf("$du = %q;", ahead)
	}
	config := strings.NewReplacer("@PORT@", fmt.Sprint(k.port), "@AHEAD@", ahead, "@FIRST@", first).Replace(kamailioConfig)
	write(t, filepath.Join(k.dir, "kamailio.cfg"), []byte(config))
	k.run()
	t.Cleanup(func() {
		k.stop()
		if t.Failed() {
			t.Logf("what Kamailio said:\n%s", tail(k.out.String()))
		}
	})
	return k
}

// run starts the process, which ends with stop and all its children. The port is
// bound once run returns.
func (k *kamailio) run() {
	k.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program(k.t, "kamailio", "kamailio"), "-DD", "-E", "-f", filepath.Join(k.dir, "kamailio.cfg"), "-Y", k.dir, "-w", k.dir, "-m", "32", "-M", "8")
	cmd.Stdout, cmd.Stderr = k.out, k.out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.stop = func() { cancel(); _ = cmd.Wait(); k.stop = func() {} }
	k.answers()
}

// answers waits until it answers an OPTIONS.
func (k *kamailio) answers() {
	k.t.Helper()
	c, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", k.port))
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 2000)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		fmt.Fprintf(c, "OPTIONS sip:127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nFrom: <sip:test@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			k.port, c.LocalAddr(), time.Now().UnixNano())
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := c.Read(buf); err == nil && strings.HasPrefix(string(buf[:n]), "SIP/2.0 200") {
			return
		}
	}
	k.t.Fatalf("Kamailio does not answer\n%s", k.out)
}

// noted counts the lines of Kamailio's log that hold a word.
func (k *kamailio) noted(word string) int { return strings.Count(k.out.String(), word) }

// notes waits until Kamailio's log holds a word n times: it comes through a pipe, which
// may be read after the answers were.
func (k *kamailio) notes(word string, n int) {
	k.t.Helper()
	for deadline := time.Now().Add(patience); k.noted(word) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			k.t.Fatalf("Kamailio notes %q %d times; want %d\n%s", word, k.noted(word), n, tail(k.out.String()))
		}
	}
}

// trunkState is a trunk as GET /v1/trunks tells it, as far as the tests read it.
type trunkState struct {
	Name, State, Reason, Contact string
	Register                     bool
	RegisteredUntil              string `json:"registered_until"`
	Targets                      []struct{ Address, State string }
}

func (d *daemon) trunks() map[string]trunkState {
	d.t.Helper()
	var list struct{ Items []trunkState }
	if code := d.request("GET", "/v1/trunks", nil, &list); code != 200 {
		d.t.Fatalf("GET /v1/trunks: %d", code)
	}
	out := map[string]trunkState{}
	for _, tr := range list.Items {
		out[tr.Name] = tr
	}
	return out
}

// comes waits until a trunk has a state and returns it.
func (d *daemon) comes(name, state string) (tr trunkState) {
	d.t.Helper()
	d.Eventually("trunk "+name+" to be "+state, func() bool {
		tr = d.trunks()[name]
		return tr.State == state
	})
	return tr
}

// TestKamailioLosesARegistrationAndHasItAgain: digest, a registrar that is gone and
// comes back without a memory of us.
func TestKamailioLosesARegistrationAndHasItAgain(t *testing.T) {
	t.Parallel()
	k := newKamailio(t, "")
	d := start(t, options{peerPort: k.port, trunk: ", register: true, register_expires: 30s, username: alice, password: wonderland"})
	up := d.comes("main", "up")
	if !up.Register || up.RegisteredUntil == "" || !strings.Contains(up.Contact, fmt.Sprintf("127.0.0.1:%d", d.sip)) {
		t.Errorf("registered as %+v\n%s", up, k.out)
	}
	k.notes("PASSED alice", 1)
	k.stop()
	down := d.comes("main", "down")
	if !strings.Contains(down.Reason, "regist") {
		t.Errorf("the reason %q does not speak of the registration", down.Reason)
	}
	before := k.noted("PASSED alice")
	k.run()
	back := time.Now()
	d.comes("main", "up")
	t.Logf("down: %q; registered again %s after Kamailio answers", down.Reason, time.Since(back).Round(10*time.Millisecond))
	k.notes("PASSED alice", before+1)
	d.Eventually("the log of events to tell of the trunk", func() bool {
		var log struct{ Items []event }
		if code := d.request("GET", "/v1/events?after=0&limit=500", nil, &log); code != 200 {
			t.Fatalf("GET /v1/events: %d", code)
		}
		var told []string
		for _, e := range log.Items {
			if e.Type == "trunk.down" && strings.Contains(string(e.Data), "regist") || e.Type == "trunk.up" {
				told = append(told, e.Type)
			}
		}
		return strings.HasSuffix(strings.Join(told, " "), "trunk.down trunk.up")
	})
}

// TestKamailioRefusesAWrongPassword: the trunk is down, and its reason says what to do.
func TestKamailioRefusesAWrongPassword(t *testing.T) {
	t.Parallel()
	k := newKamailio(t, "")
	d := start(t, options{peerPort: k.port, trunk: ", register: true, username: alice, password: looking-glass"})
	if down := d.comes("main", "down"); !strings.Contains(down.Reason, "password") {
		t.Errorf("reason %q", down.Reason)
	}
	k.notes("SEEN REGISTER", 2)
	if k.noted("PASSED") != 0 {
		t.Errorf("a wrong password was taken\n%s", k.out)
	}
}

// TestKamailioStaysInTheWayOfADialog: it records its route, so ACK and BYE come
// through it; the clip, the digit and its action are those of any call, also where
// it asks for a password first (407), which is the same attempt.
func TestKamailioStaysInTheWayOfADialog(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"uri", "password", "outbound_proxy"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			far := network(t, 1, presses)
			o := options{}
			var k *kamailio
			switch how {
			case "uri":
				k = newKamailio(t, "sip:"+far.Addr().String())
				o.peerPort = k.port
			case "password":
				k = kamailioThat(t, "sip:"+far.Addr().String(), asksWho)
				o.peerPort, o.trunk = k.port, ", username: alice, password: wonderland"
			default:
				k = newKamailio(t, "")
				o.peerPort, o.trunk = int(far.Addr().Port()), fmt.Sprintf(`, outbound_proxy: "sip:127.0.0.1:%d"`, k.port)
			}
			d := start(t, o)
			clip := melody(7.2)
			c := d.over(d.place(map[string]any{"to": number(presses, 0), "record_id": d.clip(clip), "digits": []map[string]any{{}, {}, {"smsText": "hello"}}}))
			if c.Outcome != "answered" || len(c.Attempts) != 1 || len(c.Digits) != 1 || c.Digits[0].Digit != "2" || c.Digits[0].Via != "rfc4733" {
				t.Errorf("ended as %+v", c)
			}
			for _, method := range []string{"INVITE", "ACK", "BYE"} {
				k.notes("FORWARDED "+method, 1)
			}
			if asked := k.noted("PASSED alice") > 0; asked != (how == "password") {
				t.Errorf("Kamailio has seen a password: %v", asked)
			}
			var heard []int16
			d.Eventually("what the callee heard", func() (ok bool) {
				if got := far.Calls(); len(got) == 1 {
					heard, ok = far.Heard(got[0].ID)
				}
				return ok
			})
			if _, corr := align(heard, clip[:12000]); corr < 0.9 { // he presses after two seconds
				t.Errorf("the callee heard the clip with a correlation of %.3f", corr)
			}
		})
	}
}

// TestASilentAddressIsLeftForKamailio: of the two addresses of a name the first says
// nothing; the callee is rung once, by way of the second.
func TestASilentAddressIsLeftForKamailio(t *testing.T) {
	t.Parallel()
	far := network(t, 1, answers)
	k := newKamailio(t, "sip:"+far.Addr().String())
	deaf, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	heard := make(chan time.Time, 1)
	go func() {
		buf := make([]byte, 65536)
		for {
			n, err := deaf.Read(buf)
			if err != nil {
				return
			}
			if strings.HasPrefix(string(buf[:n]), "INVITE") {
				select {
				case heard <- time.Now():
				default:
				}
			}
		}
	}()
	names := dnstest.New(t)
	for i, port := range []int{deaf.LocalAddr().(*net.UDPAddr).Port, k.port} {
		host := fmt.Sprintf("t%d.pbx.test", i)
		names.A(host, "127.0.0.1")
		names.SRV("_sip._udp.pbx.test", uint16(i), 1, uint16(port), host)
	}
	d := start(t, options{peerPort: ports.Free(t), sip: fmt.Sprintf(", dns: [%q]", names.Addr),
		trunk: "}\n  - {name: pbx, uri: \"sip:pbx.test\", options: 0s, numbers: [\"78005553536\"]"})
	id := d.place(map[string]any{"to": number(answers, 0), "trunk": "pbx", "record_id": d.clip(melody(7.2))})
	d.told(id, "answered")
	if got := d.trunks()["pbx"].Targets; len(got) != 2 || got[0].State != "down" {
		t.Errorf("targets %+v", got)
	}
	c, rung := d.over(id), far.Calls()
	if c.Outcome != "answered" || len(c.Attempts) != 2 || len(rung) != 1 {
		t.Fatalf("ended as %+v; the network saw %+v", c, rung)
	}
	k.notes("FORWARDED INVITE", 1)
	t.Logf("the next address was called %s after the first INVITE; attempts %+v", rung[0].StartedAt.Sub(<-heard).Round(10*time.Millisecond), c.Attempts)
	if got := d.trunks()["pbx"].Targets; len(got) != 2 || got[1].State != "up" {
		t.Errorf("targets after the call %+v", got)
	}
}
