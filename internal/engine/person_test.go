package engine

import (
	"testing"
	"time"

	"zvonar/internal/calls"
)

// chooses makes the provider leave calls to people where why says something.
func chooses(why string, asked chan<- string) func(*Provider) {
	return func(p *Provider) {
		plays(p)
		p.Attention = true
		p.Unfit = func(given, number, zone string, at time.Time) string {
			select {
			case asked <- given + " " + number + " " + zone:
			default:
			}
			return why
		}
	}
}

func TestACallThatIsNoneForItsProviderIsLeftToAPerson(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	b, p, _ := providerBench(t, chooses("it is too early there", asked))
	c := b.submit(viaCloud, func(r *CallRequest) { r.To, r.Timezone = "+7 900 444-33-22", "Asia/Omsk" })
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonForPerson || len(got.Attempts) != 0 {
		t.Fatalf("ended %s/%s after %d attempts", got.Outcome, got.Reason, len(got.Attempts))
	}
	if given := <-asked; given != "+7 900 444-33-22 79004443322 Asia/Omsk" {
		t.Errorf("it was asked of %q", given)
	}
	b.events(calls.CallQueued, calls.CallNeedsAttention, calls.CallCompleted)
	select {
	case r := <-p.asked:
		t.Errorf("the provider was asked for %s", r.CallID)
	default:
	}
}

func TestCallsOfNoProviderAreNobodysChoice(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	b, _, _ := providerBench(t, chooses("never", asked))
	c := b.submit()
	b.events(calls.CallQueued)
	if len(asked) != 0 || c.Over() {
		t.Error("the provider was asked of another's call")
	}
}

func TestWhatAProviderRefusesIsShownToAPerson(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, chooses("", make(chan string, 1)))
	c := b.submit(viaCloud)
	b.release(c, c.Trunk)
	<-p.asked
	p.answer <- &calls.PlaceRefused{Reason: "no money"}
	if got := b.over(c.ID); got.Reason != calls.ReasonProviderFailed {
		t.Fatalf("ended %s/%s", got.Outcome, got.Reason)
	}
	shown := 0
	for _, ev := range b.store.events {
		if ev.Type == calls.CallNeedsAttention {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("it was shown %d times", shown)
	}
}

func TestACallThatNothingIsToldOfIsShownOnce(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, chooses("", make(chan string, 1)))
	c, _ := b.byProvider(p)
	b.settle(c.ID)
	b.clock.Advance(defaultMaxDuration + 10*time.Minute)
	if got := b.over(c.ID); got.Reason != calls.ReasonProviderTimeout {
		t.Fatalf("ended %s/%s", got.Outcome, got.Reason)
	}
	shown := 0
	for _, ev := range b.store.events {
		if ev.Type == calls.CallNeedsAttention {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("it was shown %d times", shown)
	}
}
