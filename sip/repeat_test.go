package sip

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/media"
)

// info writes an INFO with one digit.
func (p *rawPeer) info(branch, tag string, seq int, digit string) string {
	return p.request("INFO", branch, "f", tag, "Signal="+digit+"\r\nDuration=160\r\n", seq, "Content-Type: application/dtmf-relay")
}

func TestAPressByMediaAndByInfoIsOneDigit(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	far := newRTPPeer(t, "127.0.0.1")
	k, tag := answered(t, a, p, far.sdp("8 101", "a=rtpmap:101 telephone-event/8000"))
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	far.aim([]byte(strings.Replace(rawSDP, "audio 9", "audio "+portOf(k), 1)))
	far.press(101, 5)
	first := k.until(calls.LegDigit)
	p.send(p.info("i1", tag, 2, "5"))
	p.read("200 INFO")
	p.send(p.info("i2", tag, 3, "7")) // the other way round: INFO comes first
	p.read("200 INFO")
	second := k.until(calls.LegDigit)
	far.press(101, 7)
	far.press(101, 11)
	if got := string([]byte{first.Digit, second.Digit}) + k.digits('#'); got != "57#" {
		t.Errorf("heard %q", got)
	}
	if first.Via != "rfc4733" || second.Via != "info" {
		t.Errorf("via %s and %s", first.Via, second.Via)
	}
	leave(k, p)
}

// portOf is the port of a leg's sound.
func portOf(k *taker) string {
	_, port, _ := strings.Cut(k.leg.port.Addr().String(), ":")
	return port
}

func TestARepeatedInfoIsOneDigit(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	for range 3 {
		p.send(p.info("same", tag, 2, "5")) // a retransmission
		p.again("200 INFO")
	}
	p.send(p.info("another", tag, 2, "5")) // the same request in a new transaction
	p.read("500 INFO")
	p.send(p.info("next", tag, 3, "5")) // a press of its own
	p.read("200 INFO")
	p.send(p.info("fence", tag, 4, "#"))
	p.read("200 INFO")
	if got := k.digits('#'); got != "55#" {
		t.Errorf("heard %q", got)
	}
	leave(k, p)
}

func TestAByeInThePlaybackEndsThePlaybackFirst(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	k.leg.Play(8, media.NewClip(make([]int16, 8000*60)), false)
	k.until(calls.LegPlaybackStarted)
	p.send(p.request("BYE", "bye", "f", tag, "", 2))
	p.read("200 BYE")
	// until fails where the leg ends first.
	if ev := k.until(calls.LegPlaybackFinished); ev.PlayID != 8 || ev.Play != calls.PlayHangup || ev.Played <= 0 || ev.Played >= time.Minute {
		t.Errorf("playback %d finished with %q after %v", ev.PlayID, ev.Play, ev.Played)
	}
	if e := k.end(); e.By != calls.ByCustomer {
		t.Errorf("ending %+v", e)
	}
}

// TestANetworkThatDoublesEveryMessageChangesNothing: both ends tell of the call
// once, and no copy is taken for a request of its own.
func TestANetworkThatDoublesEveryMessageChangesNothing(t *testing.T) {
	t.Parallel()
	twice := func(message) int { return 2 }
	a, r, b := pair(t, nil, twice)
	out := a.dial(t, nil)
	in := b.arrived(t)
	in.leg.Ring()
	out.until(calls.LegRinging)
	in.leg.Answer()
	var heard []calls.LegEventKind
	note := func(k *taker, kinds ...calls.LegEventKind) {
		for _, kind := range kinds {
			heard = append(heard, k.until(kind).Kind)
		}
	}
	note(out, calls.LegAnswered)
	note(in, calls.LegAnswered)
	in.leg.SendInfo('5')
	note(out, calls.LegDigit)
	out.leg.SendInfo('6')
	note(in, calls.LegDigit)
	out.leg.Hangup(0)
	rest := func(k *taker) {
		for {
			ev := <-k.ch
			if ev.Kind != calls.LegFirstAudio {
				heard = append(heard, ev.Kind)
			}
			if ev.Kind == calls.LegEnded {
				return
			}
		}
	}
	rest(out)
	rest(in)
	want := []calls.LegEventKind{calls.LegAnswered, calls.LegAnswered, calls.LegDigit, calls.LegDigit, calls.LegEnded, calls.LegEnded}
	if !slices.Equal(heard, want) {
		t.Errorf("told %v, want %v", heard, want)
	}
	select {
	case k := <-b.inbound:
		t.Errorf("a second call: %+v", k.inv)
	default:
	}
	for _, what := range []string{"481 BYE", "500 INFO", "481 INFO", "482 INVITE"} {
		if n := r.total(what); n != 0 {
			t.Errorf("%d × %s: a repeated request was taken for a new one", n, what)
		}
	}
}

func TestACanceledCallThroughANetworkThatDoublesEveryMessage(t *testing.T) {
	t.Parallel()
	a, _, b := pair(t, nil, func(message) int { return 2 })
	out := a.dial(t, nil)
	in := b.arrived(t)
	in.leg.Ring()
	out.until(calls.LegRinging)
	out.leg.Hangup(0)
	got, far := out.end(), in.end()
	if !got.Canceled || got.Code != 487 || far.Answered || far.By != calls.ByCustomer {
		t.Errorf("endings %+v and %+v", got, far)
	}
}

func TestCopiesOfAnAnswerThatNobodyWantsGetOneBye(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	text := strings.Join([]string{"SIP/2.0 200 OK", "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKgone",
		"From: <sip:78005553535@127.0.0.1>;tag=ours", "To: <sip:79991234567@127.0.0.1>;tag=theirs", "Call-ID: gone@test",
		"CSeq: 1 INVITE", "Contact: <sip:raw@" + p.conn.LocalAddr().String() + ">", "Content-Length: 0", "", ""}, "\r\n")
	const copies = 16
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for range copies {
		msg, err := sipmsg.ParseMessage([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		msg.SetTransport("UDP")
		msg.SetSource(p.conn.LocalAddr().String())
		wg.Go(func() { <-begin; a.ua.stray(msg.(*sipmsg.Response)) })
	}
	close(begin)
	wg.Wait()
	p.respond(p.read("BYE"), 200, "", "")
	if n := testutil.ToFloat64(a.ua.m.requests.WithLabelValues("ACK", out)); n != copies {
		t.Errorf("%v ACK for %d copies", n, copies)
	}
	if n := testutil.ToFloat64(a.ua.m.requests.WithLabelValues("BYE", out)); n != 1 {
		t.Errorf("%v BYE", n)
	}
}
