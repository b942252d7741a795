package sip

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zvonar/sip/trunk"
)

// corpus is the directory of data that is not part of the project.
func corpus() string {
	if root := os.Getenv("ZVONAR_CORPUS"); root != "" {
		return root
	}
	return filepath.Join("..", "..", "shared", "corpus")
}

// torture returns the messages of RFC 4475 and RFC 5118 by name.
func torture(t testing.TB) map[string][]byte {
	t.Helper()
	root := corpus()
	files, err := filepath.Glob(filepath.Join(root, "sip", "rfc*", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no messages of RFC 4475 and RFC 5118 under %s; name their directory in ZVONAR_CORPUS", root)
	}
	messages := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		messages[strings.TrimSuffix(filepath.Base(f), ".dat")] = b
	}
	return messages
}

// hostile starts a user agent that refuses every call.
func hostile(t *testing.T) (*side, *rawPeer) {
	t.Helper()
	a, p := withRaw(t, func(_ *trunk.Config, c *Config) {
		c.Listen = append(c.Listen, "tcp://127.0.0.1:0")
		// The messages name hosts of the real world: nobody asks for them.
		c.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no names in this test")
		}}
	})
	a.onArrival(func(l *Leg) { l.Hangup(0) })
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-a.inbound:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	return a, p
}

// topVia is the top Via up to its parameters.
var topVia = regexp.MustCompile(`(?i)\r\n(?:via|v)[ \t]*:(?:[^;\r]|\r\n[ \t])*`)

// exchange sends a message, and after it an OPTIONS that is answered in any case,
// and gives the first answer to the message, "" if none came before that of the
// OPTIONS, which goes once nothing came for that long.
func exchange(t *testing.T, c net.Conn, text []byte, ping string, after time.Duration) string {
	t.Helper()
	if _, err := c.Write(text); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	got := 0
	pinged := false
	_ = c.SetReadDeadline(time.Now().Add(after))
	for {
		n, err := c.Read(buf[got:])
		if err != nil {
			if pinged || !errors.Is(err, os.ErrDeadlineExceeded) {
				return "closed"
			}
			pinged = true
			_, _ = c.Write([]byte(ping))
			_ = c.SetReadDeadline(time.Now().Add(patience))
			continue
		}
		for rest := buf[got : got+n]; ; {
			i := bytes.Index(rest, []byte("SIP/2.0 "))
			if i < 0 || len(rest) < i+11 {
				break
			}
			code := string(rest[i+8 : i+11])
			if bytes.Contains(rest, []byte("Call-ID: ping")) {
				return ""
			}
			if code != "100" {
				return code
			}
			rest = rest[i+11:]
		}
		got += n
	}
}

// verdicts are what each message is answered with, over UDP and over TCP: "" is
// no answer at all, "closed" the end of the connection. A valid INVITE reaches a
// call, which is refused with 480. Where a body is longer than its Content-Length
// the rest is no message and ends the connection, before or after the answer.
var verdicts = map[string][2]string{
	"badaspec":                      {"400", "400"},
	"badbranch":                     {"200", "200"},
	"baddate":                       {"480", "480"},
	"baddn":                         {"400", "400"},
	"badinv01":                      {"400", "400"},
	"badvers":                       {"505", "505"},
	"bcast":                         {"", ""}, // a response
	"bext01":                        {"420", "420"},
	"bigcode":                       {"", "closed"}, // no status line
	"clerr":                         {"400", "413"}, // the body never comes; over TCP it would be too large
	"cparam01":                      {"405", "405"},
	"cparam02":                      {"405", "405"},
	"dblreq":                        {"405", "405"},
	"esc01":                         {"480", "480"},
	"esc02":                         {"501", "501"},
	"escnull":                       {"405", "405"},
	"escruri":                       {"400", "400"},
	"insuf":                         {"400", "400"},
	"intmeth":                       {"501", "501"}, // valid; a method that nobody knows
	"inv2543":                       {"400", "400"},
	"invut":                         {"415", "415"},
	"ipv4-mapped-ipv6":              {"488", "closed|488"},
	"ipv6-bad":                      {"400", "400"},
	"ipv6-bug-abnf-3-colons":        {"400", "400"},
	"ipv6-correct-abnf-2-colons":    {"400", "400"},
	"ipv6-good":                     {"405", "405"},
	"ipv6-in-sdp":                   {"400", "closed|400|488"}, // the archive's Content-Length is too high from here on
	"longreq":                       {"480", "480"},
	"ltgtruri":                      {"400", "400"},
	"lwsdisp":                       {"200", "200"},
	"lwsruri":                       {"400", "400"},
	"lwsstart":                      {"400", "400"},
	"mcl01":                         {"400", "400"},
	"mismatch01":                    {"400", "400"},
	"mismatch02":                    {"400", "400"},
	"mpart01":                       {"405", "405"},
	"mult-ip-in-header":             {"481", "481"},
	"mult-ip-in-sdp":                {"480", "closed|480"},
	"multi01":                       {"400", "400"},
	"ncl":                           {"400", "400"},
	"noreason":                      {"", ""}, // a response
	"novelsc":                       {"416", "416"},
	"port-ambiguous":                {"405", "405"},
	"port-unambiguous":              {"405", "405"},
	"quotbal":                       {"400", "400"},
	"regaut01":                      {"405", "405"},
	"regbadct":                      {"405", "405"},
	"regescrt":                      {"405", "405"},
	"scalar02":                      {"400", "400"},
	"scalarlg":                      {"", ""}, // a response
	"sdp01":                         {"406", "406"},
	"semiuri":                       {"200", "200"},
	"test":                          {"", "closed"}, // no SIP message
	"transports":                    {"200", "200"},
	"trws":                          {"400", "400"},
	"unkscm":                        {"416", "416"},
	"unksm2":                        {"405", "405"},
	"unreason":                      {"", ""}, // a response
	"via-received-param-no-delim":   {"200", "200"},
	"via-received-param-with-delim": {"481", "481"},
	"wsinv":                         {"481", "481"}, // valid; it names a dialog that is not there
	"zeromf":                        {"200", "200"}, // Max-Forwards 0 is no fault at the end point
}

func TestTortureMessagesGetTheirAnswer(t *testing.T) {
	t.Parallel()
	messages := torture(t)
	for i, network := range []string{"udp", "tcp"} {
		a, p := hostile(t) // of its own: many messages share a branch
		for _, name := range slices.Sorted(maps.Keys(messages)) {
			c, err := net.Dial(network, a.ua.Addr(network).String())
			if err != nil {
				t.Fatal(err)
			}
			text := messages[name]
			if network == "udp" { // so that the answer comes back to this socket
				if at := topVia.FindIndex(text); at != nil {
					text = slices.Concat(text[:at[1]], []byte(";rport"), text[at[1]:])
				}
			}
			ping := strings.Replace(p.request("OPTIONS", "ping"+name+network, "f", "", "", 1), "Call-ID: ", "Call-ID: ping", 1)
			ping = regexp.MustCompile("Call-ID: .*\r\n").ReplaceAllString(ping, "Call-ID: ping\r\n")
			want, known := verdicts[name]
			after := 300 * time.Millisecond
			if _, err := strconv.Atoi(want[i]); err == nil && want[i] != "400" {
				after = patience // a 400 comes from where OPTIONS are answered; these it could overtake
			}
			got := exchange(t, c, text, ping, after)
			if network == "tcp" {
				_ = c.Close()
			} else { // a refusal is repeated until its ACK; it must not reach the port of another message
				defer func() { _ = c.Close() }()
			}
			if !known || !slices.Contains(strings.Split(want[i], "|"), got) {
				t.Errorf("%s over %s: answered with %q, want %q", name, network, got, want[i])
			}
		}
		a.stillWorks(t, p)
	}
}
