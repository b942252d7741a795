package sip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// bursts is how often each burst is sent: one alone may come in order by chance.
const bursts = 40

func TestRequestsOfADialogAreTakenAsTheyArrive(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	for n := range bursts {
		id := fmt.Sprint("burst", n)
		p.send(p.request("INVITE", id+"inv", id, "", rawSDP, 1))
		k := a.arrived(t)
		k.leg.Answer()
		ok := p.read("200 INVITE")
		for ok.CallID().Value() != k.inv.SIPCallID { // the last burst's, said again before its ACK was seen
			ok = p.read("200 INVITE")
		}
		tag := tagOf(ok.To())
		p.send(p.request("ACK", id+"ack", id, tag, "", 1))
		for i := range 10 {
			info := p.request("INFO", fmt.Sprint(id, "info", i), id, tag, fmt.Sprint("Signal=", i, "\r\n"), 2+i)
			p.send(strings.Replace(info, "application/sdp", "application/dtmf-relay", 1))
		}
		p.send(p.request("BYE", id+"bye", id, tag, "", 12))
		var digits []byte
		for {
			ev := <-k.ch
			if ev.Kind == calls.LegDigit {
				digits = append(digits, ev.Digit)
			}
			if ev.Kind == calls.LegEnded {
				break
			}
		}
		if string(digits) != "0123456789" {
			t.Fatalf("burst %d: digits %q", n, digits)
		}
	}
}

func TestResponsesAndWhatFollowsAreTakenAsTheyArrive(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	want := []calls.LegEventKind{calls.LegTrying, calls.LegRinging, calls.LegRinging, calls.LegEarlyMedia, calls.LegAnswered, calls.LegEnded}
	for n := range bursts {
		tag := fmt.Sprint("x", n)
		k := a.dial(t, nil)
		invite := p.read("INVITE").(*sipmsg.Request)
		p.respond(invite, 100, "", "")
		p.respond(invite, 180, tag, "")
		p.respond(invite, 183, tag, rawSDP)
		p.respond(invite, 200, tag, rawSDP)
		p.respond(invite, 200, tag, rawSDP) // again, at once
		p.send(p.reverse(invite, "BYE", tag, "", 1))
		p.read("200 BYE")
		var got []calls.LegEventKind
		for !slices.Contains(got, calls.LegEnded) {
			if ev := <-k.ch; slices.Contains(want, ev.Kind) {
				got = append(got, ev.Kind)
				if ev.Kind == calls.LegEnded && ev.Ending.By != calls.ByCustomer {
					t.Fatalf("burst %d: ending %+v", n, ev.Ending)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("burst %d: events %v, want %v", n, got, want)
		}
	}
	a.ua.strays.mu.Lock()
	defer a.ua.strays.mu.Unlock()
	if n := len(a.ua.strays.dismissed); n != 0 {
		t.Errorf("%d of our own calls were taken for another branch", n)
	}
}

func TestARequestThatVanishesHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := turns{clock: clock.System()}
		var got []string
		post := func(s string) func() { return func() { got = append(got, s) } }
		q.expect("a")
		q.expect("b")
		q.expect("b") // a copy
		q.expect("c")
		q.take("b", post("b"))
		if len(got) != 0 {
			t.Fatalf("%v overtook what came before", got)
		}
		q.take("unexpected", post("unexpected"))
		time.Sleep(turnPatience + time.Millisecond) // of the bubble's clock
		synctest.Wait()
		q.take("a", post("a")) // too late for its turn, served all the same
		time.Sleep(turnPatience + time.Millisecond)
		synctest.Wait()
		q.take("c", post("c"))
		if want := []string{"unexpected", "b", "a", "c"}; !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
		if q.timer != nil || q.waiting != nil {
			t.Error("something still waits")
		}
	})
}
