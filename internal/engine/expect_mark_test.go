package engine

import (
	"runtime"
	"testing"

	"zvonar/internal/calls"
)

// markedLeg is a leg whose INVITE has a header.
type markedLeg struct {
	*memLeg
	name, value string
}

// ReceivedHeader implements Marked.
func (l markedLeg) ReceivedHeader(name string) string {
	if name == l.name {
		return l.value
	}
	return ""
}

// rings lets an INVITE with a mark arrive; "" has none.
func (b *bench) rings(mark string) *memLeg {
	leg := newMemLeg("pbx " + mark)
	b.e.Incoming(markedLeg{leg, "X-Call-ID", mark}, calls.Invite{Trunk: "pbx", From: "100", To: "201"})
	return leg
}

func byMark(p *Provider) { p.MatchHeader, p.Ready = "X-Call-ID", ReadyAnswer }

func TestCallsAreToldApartByTheMarkOfTheirInvite(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, byMark)
	first, _ := b.byProvider(p) // the provider calls it pc-1
	second := b.submit(viaCloud, func(r *CallRequest) { r.To, r.Clip = "79161234568", "1002" })
	b.release(second, second.Trunk)
	asked := <-p.asked // though the first has not come yet
	late := b.rings("pc-2")
	b.told(late, "answer") // before its name was told: it can only be the second's
	early := b.rings("pc-1")
	b.told(early, "answer")
	late.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	early.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	b.told(late, "play 1002")
	b.told(early, "play 1001")
	if asked.To != second.To {
		t.Errorf("asked for %s", asked.To)
	}
	p.answer <- nil
	late.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	early.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(first.ID)
	b.over(second.ID)
}

func TestOurOwnIDIsAMarkAsWell(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, byMark)
	c := b.submit(viaCloud)
	b.release(c, c.Trunk)
	asked := <-p.asked
	leg := b.rings(asked.Attempt)
	b.told(leg, "answer")
	p.answer <- nil
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA"})
	b.told(leg, "play 1001")
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.over(c.ID)
}

// named waits until the provider's name of a call is kept.
func (b *bench) named(id string) {
	for {
		b.store.mu.Lock()
		known := b.store.names["main cloud "+id] != ""
		b.store.mu.Unlock()
		if known {
			return
		}
		runtime.Gosched()
	}
}

func TestAnInviteThatCouldBeTwoCallsIsRefused(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, byMark)
	first, _ := b.byProvider(p)
	second := b.submit(viaCloud, func(r *CallRequest) { r.To = "79161234568" })
	b.release(second, second.Trunk)
	<-p.asked
	p.answer <- nil
	b.named("pc-2")
	b.told(b.rings(""), "reject")
	b.told(b.rings("pc-7"), "reject") // the name of neither: it is no inbound call of a number of ours
	b.endByAPI(first)
	b.endByAPI(second)
	b.over(first.ID)
	b.over(second.ID)
}
