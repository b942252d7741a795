package sip

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/sip/trunk"
)

// lose drops the first n messages of a kind.
func lose(n int, what string) func(message) int {
	return func(m message) int {
		if m.what == what && m.n < n {
			return 0
		}
		return 1
	}
}

// establish makes an answered call.
func establish(t *testing.T, a, b *side) (out, in *taker) {
	t.Helper()
	out = a.dial(t, nil)
	in = b.arrived(t)
	in.leg.Answer()
	out.until(calls.LegAnswered)
	in.until(calls.LegAnswered)
	return out, in
}

func TestLostMessagesAreRepeated(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a, r, b := pair(t, nil, lose(2, what))
			out, in := establish(t, a, b)
			if what == "ACK" {
				r.waitFor(t, 3, "ACK") // each repetition of the 200 gets one
			}
			out.leg.Hangup(0)
			got, far := out.end(), in.end()
			if !got.Answered || !far.Answered || far.By != calls.ByCustomer {
				t.Errorf("endings %+v and %+v", got, far)
			}
			select {
			case k := <-b.inbound:
				t.Errorf("a repeated INVITE made a second call: %+v", k.inv)
			default:
			}
		})
	}
}

func TestAnAnswerThatNobodyAcknowledgesEndsWithBye(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, lose(1000, "ACK"))
	_, in := establish(t, a, b)
	if got := in.end(); !got.Answered || !got.Timeout {
		t.Errorf("callee's ending %+v", got)
	}
	r.waitFor(t, 1, "BYE")
}

func TestAByeThatNobodyAnswersStillEndsTheLeg(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, lose(1000, "BYE"))
	out, in := establish(t, a, b)
	out.leg.Hangup(0)
	if got := out.end(); got.By != calls.ByZvonar || !got.Answered {
		t.Errorf("ending %+v", got)
	}
	in.leg.Hangup(0)
	in.end()
}

func TestSilenceEndsWithTimeout(t *testing.T) {
	t.Parallel()
	a, r, _ := pair(t, nil, lose(1000, "INVITE"))
	out := a.dial(t, nil)
	got := out.end()
	if !got.Timeout || got.Canceled || got.Rang || got.Code != 0 {
		t.Errorf("ending %+v", got)
	}
	if n := r.total("CANCEL"); n != 0 {
		t.Errorf("%d CANCEL without a provisional response", n)
	}
}

func TestARingTimeoutCancels(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	a, r, b := pair(t, func(_ *trunk.Config, cfg *Config) { cfg.Clock = c }, nil)
	out := a.dial(t, nil)
	in := b.arrived(t)
	in.leg.Ring()
	out.until(calls.LegRinging)
	c.Advance(time.Minute)
	got, far := out.end(), in.end()
	if !got.Timeout || !got.Canceled || !got.Rang || got.Answered || got.Code != 487 {
		t.Errorf("caller's ending %+v", got)
	}
	if far.Answered || far.By != calls.ByCustomer {
		t.Errorf("callee's ending %+v", far)
	}
	if n := r.total("CANCEL"); n != 1 {
		t.Errorf("%d CANCEL", n)
	}
}

func TestHangupBeforeAProvisionalWaitsWithTheCancel(t *testing.T) {
	t.Parallel()
	const hold = 2
	a, r, b := pair(t, nil, func(m message) int {
		if strings.HasPrefix(m.what, "100") && m.n < hold {
			return 0
		}
		return 1
	})
	out := a.dial(t, nil)
	in := b.arrived(t)
	out.leg.Hangup(0)
	r.waitFor(t, hold, "100 INVITE")
	if n := r.total("CANCEL"); n != 0 {
		t.Errorf("CANCEL before anything was heard (RFC 3261 9.1)")
	}
	if got := out.end(); !got.Canceled || got.By != calls.ByZvonar {
		t.Errorf("ending %+v", got)
	}
	in.end()
}

func TestAnAnswerThatCrossesTheCancelIsHungUp(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	b.onArrival(func(l *Leg) { l.AnswerOnCancel(); l.Ring() })
	out := a.dial(t, nil)
	in := b.arrived(t)
	out.until(calls.LegRinging)
	out.leg.Hangup(0)
	got, far := out.end(), in.end()
	if !got.Canceled || got.Answered {
		t.Errorf("caller's ending %+v: a call that was answered too late counts as not connected", got)
	}
	if !far.Answered {
		t.Errorf("callee's ending %+v", far)
	}
	r.waitFor(t, 1, "ACK")
	r.waitFor(t, 1, "200 BYE")
}

func TestManyProvisionalResponsesDoNotMatter(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	out := a.dial(t, nil)
	in := b.arrived(t)
	for range 20 {
		in.leg.Progress(183)
	}
	early := out.until(calls.LegEarlyMedia)
	if early.Code != 183 || early.Codec != "PCMA" {
		t.Errorf("early media %+v", early)
	}
	out.until(calls.LegFirstAudio)
	r.waitFor(t, 20, "183 INVITE")
	in.leg.Answer()
	out.until(calls.LegAnswered)
	out.leg.Hangup(0)
	out.end()
	in.end()
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code, q850 int
		by         calls.Party
	}{{486, 17, calls.ByCustomer}, {404, 1, calls.ByNetwork}, {503, 34, calls.ByNetwork}, {603, 21, calls.ByCustomer}, {302, 0, calls.ByNetwork}} {
		t.Run(phrase(tc.code), func(t *testing.T) {
			t.Parallel()
			a, _, b := pair(t, nil, lose(1, "ACK"))
			out := a.dial(t, nil)
			in := b.arrived(t)
			in.leg.Reject(tc.code, tc.q850, "no")
			got := out.end()
			if got.Code != tc.code || got.Q850 != tc.q850 || got.Answered || got.By != tc.by {
				t.Errorf("ending %+v", got)
			}
			if tc.q850 > 0 && got.Text != "no" {
				t.Errorf("text %q", got.Text)
			}
			in.end()
		})
	}
}

func TestTheFarEndHangsUp(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, nil)
	out, in := establish(t, a, b)
	in.leg.Hangup(19)
	if got := out.end(); got.By != calls.ByCustomer || got.Q850 != 19 || !got.Answered {
		t.Errorf("ending %+v", got)
	}
	in.end()
}

func TestDigitsByInfoAndByMedia(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, nil)
	out, in := establish(t, a, b)
	in.leg.SendInfo('5')
	if ev := out.until(calls.LegDigit); ev.Digit != '5' || ev.Via != "info" {
		t.Errorf("digit %q via %s", ev.Digit, ev.Via)
	}
	in.leg.SendDigits("7#")
	for _, want := range []byte("7#") {
		if ev := out.until(calls.LegDigit); ev.Digit != want || ev.Via != "rfc4733" {
			t.Errorf("digit %q via %s, want %q", ev.Digit, ev.Via, want)
		}
	}
	out.leg.Hangup(0)
	out.end()
	in.end()
}

func TestAForkedAnswerIsHungUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 180, "one", "")
	p.respond(invite, 183, "two", rawSDP)
	p.respond(invite, 200, "one", rawSDP)
	if ack := p.read("ACK"); tagOf(ack.To()) != "one" {
		t.Errorf("ACK for %q", tagOf(ack.To()))
	}
	out.until(calls.LegAnswered)
	p.respond(invite, 200, "two", rawSDP)
	if ack := p.read("ACK"); tagOf(ack.To()) != "two" {
		t.Errorf("ACK for %q", tagOf(ack.To()))
	}
	bye := p.read("BYE")
	if tagOf(bye.To()) != "two" {
		t.Errorf("BYE for %q: the answered branch must live", tagOf(bye.To()))
	}
	p.respond(bye, 200, "", "")
	out.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	out.end()
}

func TestLateResponsesOfAnAbandonedCall(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	invite := p.read("INVITE")
	if got := out.end(); !got.Timeout {
		t.Fatalf("ending %+v", got)
	}
	p.respond(invite, 180, "late", "")
	cancel := p.read("CANCEL")
	if cancel.CSeq().SeqNo != invite.CSeq().SeqNo || cancel.Via().Params.GetOr("branch", "") != invite.Via().Params.GetOr("branch", "?") {
		t.Errorf("the CANCEL does not fit the INVITE:\n%s", cancel)
	}
	p.respond(cancel, 200, "", "")
	p.respond(invite, 200, "late", rawSDP)
	p.read("ACK")
	p.respond(p.read("BYE"), 200, "", "")
}

func TestAnAnswerWithoutCommonAudioIsHungUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	out := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 200, "x", strings.Replace(rawSDP, "RTP/AVP 8", "RTP/AVP 18", 1))
	p.read("ACK")
	p.respond(p.read("BYE"), 200, "", "")
	if got := out.end(); !got.Media || got.Answered {
		t.Errorf("ending %+v", got)
	}
}
