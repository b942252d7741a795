package peers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/test/hearing"
	"zvonar/test/ports"
)

// passwords is how many passwords had a result.
func (d *daemon) passwords(result string) string {
	d.t.Helper()
	res, err := http.Get(d.admin + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	m := regexp.MustCompile(`zvonar_sip_passwords_total\{result="` + result + `"\} (\d+)`).FindStringSubmatch(string(raw))
	if m == nil {
		return "0"
	}
	return m[1]
}

// softphone starts a baresip at another address than our trunk's. Each password makes
// an account of the user's that registers with us.
func softphone(t *testing.T, d *daemon, ip, user string, passwords ...string) *listener {
	t.Helper()
	accounts := ""
	for _, password := range passwords {
		accounts += fmt.Sprintf("<sip:%s@127.0.0.1:%d>;auth_user=%[1]s;auth_pass=%[3]s;regint=60;answermode=auto;audio_codecs=pcma\n", user, d.sip, password)
	}
	return listenAs(t, ip, accounts, make([]int16, 60*8000))
}

// TestBaresipRegistersIsCalledAndCalls: where we call is where the telephone registered
// from, and what it calls it may call because it registered.
func TestBaresipRegistersIsCalledAndCalls(t *testing.T) {
	d := start(t, options{peerPort: ports.Free(t), sip: `, challenge_from: [127.0.0.0/8], users: [{name: "79161234567", password: wonderland-9}]`,
		trunk: "}\n  - {name: office, uri: \"registered:79161234567\", numbers: [\"78005553536\"]",
		extra: strings.Replace(inbound, "trunk: main", "trunk: office", 1)})
	clip := melody(9)
	record := d.clip(clip)
	phone := softphone(t, d, "127.0.0.2", "79161234567", "wonderland-9")
	tr := d.comes("office", "up")
	if len(tr.Targets) != 1 || !strings.HasPrefix(tr.Targets[0].Address, "127.0.0.2:") {
		t.Errorf("registered as %+v", tr)
	}
	hearing.Judge(t, func() []string {
		forget(t, phone.dir)
		c := d.over(d.place(map[string]any{"to": "79161234567", "trunk": "office", "record_id": record}))
		if c.Outcome != "answered" || c.Reason != "flow_end" {
			t.Fatalf("ended as %+v\n%s", c, phone.out)
		}
		return phone.misses("the telephone", clip)
	})
	phone.command("dial", fmt.Sprintf("sip:78005553535@127.0.0.1:%d", d.sip))
	in := ""
	d.Eventually("its own call", func() bool {
		var list struct{ Items []call }
		if d.request("GET", "/v1/calls", nil, &list) == 200 {
			for _, c := range list.Items {
				if c.Direction == "in" {
					in = c.ID
				}
			}
		}
		return in != ""
	})
	d.told(in, "playback_started")
	phone.command("hangup", "")
	if c := d.over(in); c.Outcome != "answered" || c.HangupBy != "customer" || c.Trunk != "office" {
		t.Errorf("its own call ended as %+v\n%s", c, phone.out)
	}
}

// TestBaresipWithAWrongPasswordIsHeardNoMore: ten wrong ones of an address are refused,
// then it gets no answer, and another address is not concerned.
func TestBaresipWithAWrongPasswordIsHeardNoMore(t *testing.T) {
	t.Parallel()
	d := start(t, options{peerPort: ports.Free(t), sip: `, challenge_from: [127.0.0.0/8], users: [{name: anna, password: wonderland-9}]`,
		trunk: "}\n  - {name: office, uri: \"registered:anna\", numbers: [\"78005553536\"]"})
	const tries = 20
	wrong := slices.Repeat([]string{"looking-glass"}, tries)
	phone := softphone(t, d, "127.0.0.3", "anna", wrong...)
	refused := func() int {
		n, err := strconv.Atoi(d.passwords("refused"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	d.Eventually("ten refusals", func() bool { return refused() >= 10 })
	d.Eventually("the rest to be left without a word", func() bool { return d.dropped("unknown_source") != "0" })
	if tr := d.trunks()["office"]; tr.State == "up" || len(tr.Targets) != 0 {
		t.Errorf("registered as %+v", tr)
	}
	d.Eventually("baresip to say what it was told", func() bool { return strings.Contains(phone.out.String(), "403 Forbidden") })
	softphone(t, d, "127.0.0.4", "anna", "wonderland-9")
	d.comes("office", "up")
	if n := refused(); n >= tries {
		t.Errorf("%d passwords of one address were looked at", n)
	}
}

// registrar answers every REGISTER with 200 for ten seconds, or nothing while it is
// away, and notes when they came.
type registrar struct {
	conn net.PacketConn
	away atomic.Bool

	mu    sync.Mutex
	times []time.Time
	again []time.Time     // when one came that had come before
	known map[string]bool // by branch
}

func newRegistrar(t *testing.T) *registrar {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &registrar{conn: conn, known: map[string]bool{}}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			r.take(t, string(buf[:n]), from)
		}
	}()
	return r
}

// take answers one request.
func (r *registrar) take(t *testing.T, req string, from net.Addr) {
	if !strings.HasPrefix(req, "REGISTER") {
		return
	}
	req = strings.ReplaceAll(req, "\r", "")
	r.mu.Lock()
	if via := field(t, req, `^Via: *(.*)$`); !r.known[via] {
		r.known[via] = true
		r.times = append(r.times, time.Now())
	} else {
		r.again = append(r.again, time.Now())
	}
	r.mu.Unlock()
	if r.away.Load() {
		return
	}
	answer := "SIP/2.0 200 OK\r\n"
	for _, name := range []string{"Via", "From", "Call-ID", "CSeq"} {
		answer += name + ": " + field(t, req, "^"+name+`: *(.*)$`) + "\r\n"
	}
	answer += "To: " + field(t, req, `^To: *(.*)$`) + ";tag=r\r\nContact: " + field(t, req, `^Contact: *(<[^>]*>)`) + ";expires=10\r\nContent-Length: 0\r\n\r\n"
	_, _ = r.conn.WriteTo([]byte(answer), from)
}

// spread is how many REGISTERs came since a moment, and the most within a second;
// repeats are those that came before and were not answered.
func (r *registrar) spread(since time.Time) (n, most, repeats, mostInAll int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, most = crowded(r.times, since)
	repeats, _ = crowded(r.again, since)
	_, mostInAll = crowded(slices.SortedFunc(slices.Values(slices.Concat(r.times, r.again)), time.Time.Compare), since)
	return n, most, repeats, mostInAll
}

// crowded counts moments in order, and the most of them within a second.
func crowded(times []time.Time, since time.Time) (n, most int) {
	first := 0
	for i, at := range times {
		if at.Before(since) {
			first = i + 1
			continue
		}
		for n++; at.Sub(times[first]) >= time.Second; first++ {
		}
		most = max(most, i-first+1)
	}
	return n, most
}

// TestAHundredTrunksDoNotFallUponTheirRegistrar, neither at the start nor when it
// comes back.
func TestAHundredTrunksDoNotFallUponTheirRegistrar(t *testing.T) {
	t.Parallel()
	const trunks = 100
	r := newRegistrar(t)
	list := ""
	for i := range trunks {
		list += fmt.Sprintf("}\n  - {name: t%03d, uri: \"sip:%s\", register: true, username: u%03d, options: 0s, numbers: [\"7800555%04d\"]", i, r.conn.LocalAddr(), i, i)
	}
	began := time.Now()
	d := start(t, options{peerPort: ports.Free(t), trunk: list})
	all := func(state string) func() bool {
		return func() bool {
			n := 0
			for _, tr := range d.trunks() {
				if tr.Register && tr.State == state {
					n++
				}
			}
			return n == trunks
		}
	}
	// look says how a hundred behaved since a moment. They leave 40 ms apart; what is
	// judged is only that they did not come all together, for a busy machine lets
	// datagrams lie and hears many at once.
	look := func(when string, since time.Time) {
		n, most, repeats, inAll := r.spread(since)
		t.Logf("%s: %d REGISTERs, at most %d in a second, and %d repeats, with them at most %d in a second; all registered after %s",
			when, n, most, repeats, inAll, time.Since(since).Round(10*time.Millisecond))
		if most >= trunks*9/10 {
			t.Errorf("%s: %d REGISTERs in a second", when, most)
		}
	}
	d.Eventually("all to be registered", all("up"))
	look("at the start", began)
	r.away.Store(true)
	d.Eventually("all to be down", all("down"))
	r.away.Store(false)
	back := time.Now()
	d.Eventually("all to be registered again", all("up"))
	look("when the registrar is back", back)
}
