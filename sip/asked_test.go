package sip

import (
	"fmt"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

func transferring(t *trunk.Config, _ *Config) { t.AcceptTransfer = true }

// referring is a far end in a talk with us.
func referring(t *testing.T, change func(*trunk.Config, *Config)) (*side, *rawPeer, *taker, string) {
	t.Helper()
	a, p := withRaw(t, change)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	k.knows(func(l *Leg) bool { return l.state == stUp })
	return a, p, k, tag
}

func (p *rawPeer) bye(k *taker, tag string, seq int) {
	p.t.Helper()
	p.send(p.request("BYE", "bye", "f", tag, "", seq))
	p.read("200 BYE")
	k.end()
}

func TestARequestToTransferIsToldToTheEnd(t *testing.T) {
	t.Parallel()
	_, p, k, tag := referring(t, transferring)
	seq := 2
	for i, codes := range [][]int{{180, 200}, {486}} {
		p.send(p.request("REFER", fmt.Sprint("ref", i), "f", tag, "", seq, "Refer-To: \"X\" <sip:202@127.0.0.1;user=phone>"))
		seq++
		if ask := k.until(calls.LegAsked).Ask; ask.To != "202" || ask.Replaces.CallID != "" {
			t.Errorf("asked for %+v", ask)
		}
		p.send(p.request("REFER", fmt.Sprint("more", i), "f", tag, "", seq, "Refer-To: <sip:203@127.0.0.1>"))
		seq++
		p.read("491 REFER")
		k.leg.AnswerRefer(202)
		p.read("202 REFER")
		codes = append([]int{100}, codes...)
		for j, code := range codes {
			if j > 0 {
				k.leg.NotifyRefer(code)
			}
			n := p.read("NOTIFY").(*sipmsg.Request)
			event, state := "refer", "active;expires=210"
			if i > 0 {
				event = fmt.Sprint("refer;id=", seq-2)
			}
			if j == len(codes)-1 {
				state = "terminated;reason=noresource"
			}
			if body := string(n.Body()); !strings.HasPrefix(body, fmt.Sprint("SIP/2.0 ", code, " ")) || header(n, "event") != event || header(n, "subscription-state") != state {
				t.Errorf("NOTIFY %d of %d:\n%s", j, i, n)
			}
			p.respond(n, 200, "", "")
		}
	}
	p.bye(k, tag, 20)
}

func TestRequestsToTransferThatAreRefused(t *testing.T) {
	t.Parallel()
	_, p, k, tag := referring(t, transferring)
	for i, tc := range []struct {
		want    string
		headers []string
	}{
		{"400 REFER", nil},
		{"400 REFER", []string{"Refer-To: <sip:1@127.0.0.1>", "Refer-To: <sip:2@127.0.0.1>"}},
		{"400 REFER", []string{"Refer-To: <http://example.org>"}},
		{"400 REFER", []string{"Refer-To: <sip:1@127.0.0.1;method=BYE>"}},
		{"400 REFER", []string{"Refer-To: <sip:1@127.0.0.1?Replaces=nothing>"}},
		{"404 REFER", []string{"Refer-To: <sip:bob@127.0.0.1>"}},
		{"603 REFER", []string{"Refer-To: <sip:79161112233@elsewhere.example>"}},
		{"603 REFER", []string{"Refer-To: <sip:1@127.0.0.1?Replaces=f%40raw%3Bto-tag%3D" + tag + "%3Bfrom-tag%3Df>"}}, // the talk itself
	} {
		p.send(p.request("REFER", fmt.Sprint("ref", i), "f", tag, "", 2+i, tc.headers...))
		if got := p.read("400 REFER", "404 REFER", "603 REFER", "491 REFER"); kindOf([]byte(got.String())) != tc.want {
			t.Errorf("%v: %s, want %s", tc.headers, kindOf([]byte(got.String())), tc.want)
		}
	}
	p.send(p.request("REFER", "decline", "f", tag, "", 20, "r: <sip:1@127.0.0.1?Replaces=x%40y%3Bto-tag%3Da%3Bfrom-tag%3Db%3Bearly-only>"))
	if ask := k.until(calls.LegAsked).Ask; ask.Replaces != (calls.Dialog{CallID: "x@y", ToTag: "a", FromTag: "b", EarlyOnly: true}) {
		t.Errorf("asked for %+v", ask)
	}
	k.leg.AnswerRefer(603)
	p.read("603 REFER")
	p.bye(k, tag, 21)
}

func TestWhoeverAskedHearsOfTheEndOfItsLeg(t *testing.T) {
	t.Parallel()
	_, p, k, tag := referring(t, transferring)
	p.send(p.request("REFER", "ref", "f", tag, "", 2, "Refer-To: <sip:1@127.0.0.1>"))
	k.until(calls.LegAsked)
	k.leg.AnswerRefer(202)
	p.read("202 REFER")
	p.respond(p.read("NOTIFY"), 200, "", "")
	k.leg.Hangup(0)
	n := p.read("NOTIFY")
	if !strings.Contains(n.String(), "terminated") || !strings.Contains(n.String(), "SIP/2.0 503") {
		t.Errorf("told at last:\n%s", n)
	}
	p.respond(n, 200, "", "")
	p.respond(p.read("BYE"), 200, "", "")
	k.end()
}

func TestAnInviteThatTakesThePlaceOfALeg(t *testing.T) {
	t.Parallel()
	a, p, k, tag := referring(t, transferring)
	n := 0
	invite := func(replaces ...string) string {
		n++
		var headers []string
		for _, r := range replaces {
			headers = append(headers, "Replaces: "+r)
		}
		text := p.request("INVITE", fmt.Sprint("new", n), "g", "", rawSDP, n, headers...)
		p.send(strings.ReplaceAll(text, "g@raw", fmt.Sprint("g", n, "@raw")))
		res := p.read("400 INVITE", "481 INVITE", "486 INVITE", "603 INVITE", "180 INVITE").(*sipmsg.Response)
		if res.StatusCode >= 300 {
			p.send(strings.ReplaceAll(p.request("ACK", fmt.Sprint("new", n), "g", tagOf(res.To()), "", n), "g@raw", fmt.Sprint("g", n, "@raw")))
		}
		return fmt.Sprint(res.StatusCode)
	}
	call := k.inv.SIPCallID
	match := call + ";to-tag=" + tag + ";from-tag=f"
	a.onArrival(func(l *Leg) { l.Ring() })
	for _, tc := range []struct {
		want     string
		replaces []string
	}{
		{"400", []string{"nothing"}},
		{"400", []string{match, match}},
		{"481", []string{"other@raw;to-tag=" + tag + ";from-tag=f"}},
		{"481", []string{call + ";to-tag=" + tag + ";from-tag=x"}},
		{"486", []string{match + ";early-only"}},
		{"180", []string{match}},
	} {
		if got := invite(tc.replaces...); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.replaces, got, tc.want)
		}
	}
	next := a.arrived(t)
	if next.inv.Replaces != k.leg.ID() {
		t.Errorf("takes the place of %q, want %q", next.inv.Replaces, k.leg.ID())
	}
	next.leg.Reject(603, 0, "")
	p.send(strings.ReplaceAll(p.request("ACK", fmt.Sprint("new", n), "g", tagOf(p.read("603 INVITE").To()), "", n), "g@raw", fmt.Sprint("g", n, "@raw")))
	next.end()
	p.bye(k, tag, 20)
	if got := invite(match); got != "603" {
		t.Errorf("of a dialog that is over: %s", got)
	}
}

func TestAnEarlyDialogOfOursMayBeReplaced(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, transferring)
	k := a.dial(t, nil)
	ours := p.read("INVITE").(*sipmsg.Request)
	p.respond(ours, 180, "far", "")
	k.until(calls.LegRinging)
	k.knows(func(l *Leg) bool { return l.earlyOf("far") != nil })
	a.onArrival(func(l *Leg) { l.Reject(603, 0, "") })
	p.send(p.request("INVITE", "new", "f", "", rawSDP, 1, "Require: replaces",
		"Replaces: "+ours.CallID().Value()+";from-tag=far;to-tag="+tagOf(ours.From())+";early-only"))
	res := p.read("603 INVITE", "481 INVITE")
	p.send(p.request("ACK", "new", "f", tagOf(res.To()), "", 1))
	if next := a.arrived(t); next.inv.Replaces != k.leg.ID() {
		t.Errorf("takes the place of %q", next.inv.Replaces)
	}
	p.respond(ours, 486, "far", "")
	p.read("ACK")
	k.end()
}

func TestWeTakeThePlaceOfADialogOfTheirs(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, func(r *calls.DialRequest) { r.Replaces = calls.Dialog{CallID: "x@y", ToTag: "a", FromTag: "b"} })
	invite := p.read("INVITE").(*sipmsg.Request)
	if header(invite, "replaces") != "x@y;to-tag=a;from-tag=b" || !requires(invite, tagReplaces) {
		t.Errorf("asked as\n%s", invite)
	}
	p.respond(invite, 481, "far", "")
	p.read("ACK")
	k.end()
}

func FuzzReferTo(f *testing.F) {
	f.Add(`"A" <sip:201@host;user=phone?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&X=1>;p=q`)
	f.Add("tel:+7-916-111-22-33")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := referTo(s)
		if !ok && r != (referTarget{}) || ok && r.to != number(r.to) {
			t.Errorf("%q is %+v", s, r)
		}
		if d := r.replaces; d.CallID != "" {
			if again, ok := readReplaces(writeReplaces(d)); !ok || again != d {
				t.Errorf("%+v reads again as %+v", d, again)
			}
		}
	})
}

func TestATransferMayNameAnotherDialogOfOurs(t *testing.T) {
	t.Parallel()
	a, p, k, tag := referring(t, transferring)
	g := func(text string) string { return strings.ReplaceAll(text, k.inv.SIPCallID, "g@raw") }
	p.send(g(p.request("INVITE", "second", "g", "", rawSDP, 1)))
	tag2 := tagOf(p.read("200 INVITE").To())
	p.send(g(p.request("ACK", "ack2", "g", tag2, "", 1)))
	k2 := a.arrived(t)
	k2.until(calls.LegAnswered)
	k2.knows(func(l *Leg) bool { return l.state == stUp })
	refer := func(seq int, from, to string) {
		p.send(p.request("REFER", fmt.Sprint("ref", seq), "f", tag, "", seq,
			"Refer-To: <sip:202@127.0.0.1?Replaces=g%40raw%3Bto-tag%3D"+to+"%3Bfrom-tag%3D"+from+">"))
	}
	refer(2, "somebody", tag2) // whoever asks must know both tags
	p.read("603 REFER")
	refer(3, "g", tag2)
	if ask := k.until(calls.LegAsked).Ask; ask.Leg != k2.leg.ID() || ask.To != "202" {
		t.Errorf("asked for %+v, want leg %s", ask, k2.leg.ID())
	}
	k.leg.AnswerRefer(202)
	p.read("202 REFER")
	p.respond(p.read("NOTIFY"), 200, "", "")
	k.leg.NotifyRefer(200)
	p.respond(p.read("NOTIFY"), 200, "", "")
	p.send(g(p.request("BYE", "bye2", "g", tag2, "", 2)))
	p.read("200 BYE")
	k2.end()
	p.bye(k, tag, 20)
}
