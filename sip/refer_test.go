package sip

import (
	"fmt"
	"slices"
	"testing"

	"zvonar/internal/calls"
)

// frag is the rest of a NOTIFY of the first REFER.
func frag(state string) []string {
	return []string{"Event: refer;id=1", "Subscription-State: " + state, "Content-Type: message/sipfrag;version=2.0"}
}

// refers reads how a REFER goes on, up to its end.
func (k *taker) refers() (list []string) {
	k.t.Helper()
	for {
		ev := k.until(calls.LegReferred)
		list = append(list, fmt.Sprint(ev.Refer, " ", ev.Code))
		if ev.Refer != calls.ReferAccepted && ev.Refer != calls.ReferProgress {
			return list
		}
	}
}

func TestAReferTellsHowTheNewCallGoesOn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer int
		frags  []string // the last one ends it
		want   []string
	}{
		"answered":             {202, []string{"SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"}, []string{"accepted 202", "progress 100", "progress 180", "ended 200"}},
		"busy":                 {202, []string{"SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here\r\n"}, []string{"accepted 202", "progress 100", "ended 486"}},
		"ends without a word":  {202, []string{"SIP/2.0 180 Ringing"}, []string{"accepted 202", "unknown 0"}},
		"refused by the trunk": {405, nil, []string{"refused 405"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			k, tag := answered(t, a, p, rawSDP)
			p.send(p.request("ACK", "ack", "f", tag, "", 1))
			k.until(calls.LegAnswered)
			k.leg.Refer("79161112233")
			refer := p.read("REFER")
			target := p.conn.LocalAddr().String()
			if got := refer.GetHeaders("Refer-To"); len(got) != 1 || got[0].Value() != "<sip:79161112233@"+target+">" {
				t.Errorf("Refer-To %v", got)
			}
			k.leg.Refer("79161112234")
			if got := k.refers(); !slices.Equal(got, []string{"refused 491"}) {
				t.Errorf("a second one meanwhile: %v", got)
			}
			p.respond(refer, tc.answer, tag, "")
			var got []string
			if tc.frags != nil {
				got = append(got, fmt.Sprint(k.until(calls.LegReferred).Refer, " 202"))
			}
			for i, f := range tc.frags {
				state := "active;expires=60"
				if i == len(tc.frags)-1 {
					state = "terminated;reason=noresource"
				}
				p.send(p.request("NOTIFY", fmt.Sprint("n", i), "f", tag, f, 2+i, frag(state)...))
				p.read("200 NOTIFY")
			}
			if got = append(got, k.refers()...); !slices.Equal(got, tc.want) {
				t.Errorf("told %v, want %v", got, tc.want)
			}
			p.send(p.request("NOTIFY", "stray", "f", tag, "SIP/2.0 200 OK", 20, frag("terminated")...))
			p.read("481 NOTIFY")
			p.send(p.request("BYE", "bye", "f", tag, "", 21))
			p.read("200 BYE")
			k.end()
		})
	}
}

func TestNotifiesThatMeanNoReferOfOursChangeNothing(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	k.leg.Refer("79161112233")
	p.respond(p.read("REFER"), 202, tag, "")
	for i, tc := range []struct {
		body, want string
		headers    []string
	}{
		{"SIP/2.0 200 OK", "489 NOTIFY", []string{"Event: presence", "Content-Type: message/sipfrag"}},
		{"SIP/2.0 200 OK", "481 NOTIFY", []string{"Event: refer;id=77", "Content-Type: message/sipfrag"}},
		{"SIP/2.0 200 OK", "415 NOTIFY", []string{"Event: refer", "Content-Type: text/plain"}},
		{"HTTP/1.1 200 OK", "400 NOTIFY", frag("active")},
	} {
		p.send(p.request("NOTIFY", fmt.Sprint("bad", i), "f", tag, tc.body, 2+i, tc.headers...))
		p.read(tc.want)
	}
	p.send(p.request("BYE", "bye", "f", tag, "", 9))
	p.read("200 BYE")
	k.end()
}

func TestAnInboundReferIsRefused(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	p.send(p.request("REFER", "ref", "f", tag, "", 2, "Refer-To: <sip:79990000000@example.org>"))
	p.read("405 REFER")
	p.send(p.request("BYE", "bye", "f", tag, "", 3))
	p.read("200 BYE")
	k.end()
}

func FuzzFragCode(f *testing.F) {
	f.Add([]byte("SIP/2.0 200 OK\r\n"))
	f.Add([]byte("sip/2.0 486"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if code, ok := fragCode(b); ok && (code < 100 || code > 699) {
			t.Errorf("%q is %d", b, code)
		}
	})
}
