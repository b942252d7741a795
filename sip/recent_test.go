package sip

import (
	"fmt"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

func TestWhatIsRecentStaysForItsTimeAndThenGoes(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	r := newRecent[int](c)
	for second := range 60 {
		r.keep(fmt.Sprint(second), second)
		c.Advance(time.Second)
	}
	for second := range 60 {
		age := time.Duration(60-second) * time.Second
		v, ok := r.get(fmt.Sprint(second))
		if age <= 32*time.Second && (!ok || v != second) || age > 9*slotPeriod && ok {
			t.Errorf("after %s: %d, %v", age, v, ok)
		}
	}
	c.Advance(9 * slotPeriod)
	if r.len() != 0 || r.timer != nil {
		t.Errorf("%d values and timer %v are left", r.len(), r.timer)
	}
	r.keep("again", 1)
	r.close()
	r.keep("late", 1)
	if r.len() != 1 {
		t.Errorf("%d values after closing; want the one of before", r.len())
	}
}

func TestARepeatedByeGetsItsAnswerAfterItsTransaction(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	p.send(p.request("BYE", "bye", "f", tag, "", 2))
	first := p.read("200 BYE")
	k.end()
	eventually(t, func() bool { _, alive := a.ua.load.heed(keyOf(byeOf(t, p, tag))); return !alive })
	p.send(p.request("BYE", "bye", "f", tag, "", 2))
	if again := p.again("200 BYE", "481 BYE"); again.String() != first.String() {
		t.Errorf("the repetition got\n%s\nafter\n%s", again, first)
	}
}

// byeOf is the BYE as the edge sees it.
func byeOf(t *testing.T, p *rawPeer, tag string) *sipmsg.Request {
	t.Helper()
	m, err := sipmsg.ParseMessage([]byte(p.request("BYE", "bye", "f", tag, "", 2)))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sipmsg.Request)
}
