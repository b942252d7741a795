package amd

import (
	"slices"
	"testing"
	"time"
)

// hear feeds pcm in packets of n samples and returns what was told.
func hear(p Params, pcm []int16, n int, detectors ...Detector) []Event {
	l := New(p, detectors...)
	var out []Event
	tell := func(e Event) { out = append(out, e) }
	for i := 0; i < len(pcm); i += n {
		l.Feed(pcm[i:min(len(pcm), i+n)], tell)
	}
	l.Close(tell)
	return out
}

// first is the first verdict, last the one that stood.
func verdicts(events []Event) (first, last Verdict, after time.Duration) {
	for _, e := range events {
		switch e.Kind {
		case Decided:
			first, last = e.Verdict, e.Verdict
			after = time.Duration(e.At-max(0, e.Onset)) * time.Second / Rate
		case Revised:
			last = e.Verdict
		}
	}
	return first, last, after
}

// A short answer may wait for the deadline where what is built as a voice here is
// doubtful as one; most do not.
func TestShortAnswersAreHumanAndLongOnesMachines(t *testing.T) {
	t.Parallel()
	const latest = 2850 * time.Millisecond // the look after the deadline
	var waited []time.Duration
	for seed := range uint64(12) {
		first, last, after := verdicts(hear(Defaults(), talk(seed, 0.4, 0.45, 8), 160))
		if first != Human || last != Human || after > latest {
			t.Errorf("short answer %d: %s, then %s, after %v", seed, first, last, after)
		}
		waited = append(waited, after)
		if _, last, after := verdicts(hear(Defaults(), talk(seed, 0.4, 9, 10), 160)); last != Machine || after > latest {
			t.Errorf("long answer %d: %s after %v", seed, last, after)
		}
	}
	slices.Sort(waited)
	if half, most := waited[6], waited[9]; half > 1500*time.Millisecond || most > 2100*time.Millisecond {
		t.Errorf("half of the short answers waited %v, three quarters %v", half, most)
	}
}

func TestWhereNobodySpeaksThereIsSilence(t *testing.T) {
	t.Parallel()
	for _, pcm := range [][]int16{make([]int16, 8*Rate), talk(1, 9, 0, 8)} {
		first, last, _ := verdicts(hear(Defaults(), pcm, 160))
		if first != Silence || last != Silence {
			t.Errorf("silence is %s, then %s", first, last)
		}
	}
}

func TestTheVerdictDoesNotDependOnThePackets(t *testing.T) {
	t.Parallel()
	for _, pcm := range [][]int16{talk(5, 0.7, 0.6, 7), talk(6, 0.2, 6, 7)} {
		want := hear(Defaults(), pcm, 160)
		for _, n := range []int{1, 80, 240, 320, 480, 777, len(pcm)} {
			if got := hear(Defaults(), pcm, n); !slices.Equal(got, want) {
				t.Errorf("in packets of %d samples: %+v, want %+v", n, got, want)
			}
		}
	}
}

func TestLostPacketsDoNotChangeAVerdict(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		for _, pcm := range [][]int16{talk(seed, 0.5, 0.5, 7), talk(seed, 0.5, 6.5, 7)} {
			_, want, _ := verdicts(hear(Defaults(), pcm, 160))
			l := New(Defaults())
			var got Verdict
			tell := func(e Event) {
				if e.Kind == Decided || e.Kind == Revised {
					got = e.Verdict
				}
			}
			for i := 0; i+160 <= len(pcm); i += 160 {
				if i/160%37 == 5 { // about 3 %
					l.Gap(160)
				} else {
					l.Feed(pcm[i:i+160], tell)
				}
			}
			l.Close(tell)
			if got != want {
				t.Errorf("%d: with loss %s, without %s", seed, got, want)
			}
		}
	}
}

func TestSilenceThatIsNotSentIsSilence(t *testing.T) {
	t.Parallel()
	pcm := talk(2, 0.3, 0.45, 1)
	l := New(Defaults())
	var got []Event
	tell := func(e Event) { got = append(got, e) }
	l.Feed(pcm, tell)
	l.Silence(6*Rate, tell)
	if first, last, _ := verdicts(got); first != Human || last != Human {
		t.Errorf("a person on a line that suppresses silence is %s, then %s", first, last)
	}
}

// script is a detector that finds things at given samples.
type script struct {
	at   []Finding
	seen int64
}

func (s *script) Feed(pcm []int16, tell func(Finding)) {
	s.seen += int64(len(pcm))
	for len(s.at) > 0 && s.at[0].To <= s.seen {
		tell(s.at[0])
		s.at = s.at[1:]
	}
}

func (s *script) Gap(n int) { s.seen += int64(n) }

func at(kind Kind, from, to float64) Finding {
	return Finding{Kind: kind, From: int64(from * Rate), To: int64(to * Rate), Confidence: 0.95}
}

func TestWhatTheNetworkSaysIsAVerdict(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		found   Finding
		verdict Verdict
		cause   string
	}{
		{at(Busy, 0.5, 1.9), Announced, "busy"},
		{Finding{Kind: SIT, Detail: "ic", To: Rate, Confidence: 0.9}, Announced, "sit_ic"},
		{at(FaxCED, 0.2, 0.8), Fax, "fax_ced"},
		{Finding{Kind: Known, Detail: "off", Meaning: "unreachable", To: Rate, Confidence: 0.9}, Announced, "off"},
		{Finding{Kind: Known, Detail: "box", Meaning: "voicemail", To: Rate, Confidence: 0.9}, Machine, "box"},
	} {
		var got []Event
		for _, e := range hear(Defaults(), make([]int16, 4*Rate), 160, &script{at: []Finding{tc.found}}) {
			if e.Kind == Decided || e.Kind == Revised {
				got = append(got, e)
			}
		}
		if len(got) != 1 || got[0].Verdict != tc.verdict || got[0].Cause != tc.cause {
			t.Errorf("%s: %+v, want one %s for %s", tc.found.Kind, got, tc.verdict, tc.cause)
		}
	}
}

func TestABeepTurnsAHumanIntoAMachineOnce(t *testing.T) {
	t.Parallel()
	found := &script{at: []Finding{at(Beep, 3, 3.3), at(Beep, 5, 5.3)}}
	var kinds []EventKind
	for _, e := range hear(Defaults(), talk(3, 0.3, 0.5, 8), 160, found) {
		kinds = append(kinds, e.Kind)
	}
	want := []EventKind{Speech, Decided, Beeped, Revised, GreetingEnd, Beeped}
	if !slices.Equal(kinds, want) {
		t.Errorf("told %v, want %v", kinds, want)
	}
}

func TestAGreetingEndsWithSilence(t *testing.T) {
	t.Parallel()
	pcm := talk(4, 0.2, 7, 12)
	var end Event
	for _, e := range hear(Defaults(), pcm, 160) {
		if e.Kind == GreetingEnd {
			end = e
		}
	}
	if s := float64(end.At) / Rate; end.Cause != "silence" || s < 8.3 || s > 9.2 {
		t.Errorf("the greeting ended by %q at %.2f s, want silence 1.5 s after 7.2 s", end.Cause, s)
	}
}

func TestAnEndlessGreetingTimesOut(t *testing.T) {
	t.Parallel()
	p := Defaults()
	p.EndSilence = time.Hour
	var end Event
	for _, e := range hear(p, talk(4, 0.2, 33, 34), 160) {
		if e.Kind == GreetingEnd {
			end = e
		}
	}
	if s := float64(end.At) / Rate; end.Cause != "timeout" || s < 29.9 || s > 30.6 {
		t.Errorf("the greeting ended by %q at %.2f s", end.Cause, s)
	}
}

func TestSomebodyMayComeBehindARingback(t *testing.T) {
	t.Parallel()
	pcm := talk(7, 6, 0.5, 12)
	first, last, _ := verdicts(hear(Defaults(), pcm, 160, &script{at: []Finding{at(Ringback, 0, 5)}}))
	if first != Announced && first != Silence || last != Human {
		t.Errorf("ringback, then a person: %s, then %s", first, last)
	}
}

func TestListeningAllocatesNothing(t *testing.T) {
	pcm := talk(8, 0.2, 20, 21)
	l := New(Defaults())
	tell := func(Event) {}
	i := 0
	if n := testing.AllocsPerRun(len(pcm)/160-2, func() {
		l.Feed(pcm[i:i+160], tell)
		i += 160
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// BenchmarkFrame20ms is a packet of 20 ms of a listener that has not decided.
func BenchmarkFrame20ms(b *testing.B) {
	pcm := talk(8, 0.2, 6, 6)
	p := Defaults()
	p.Limits, p.Deadline = Limits{HumanBelow: -1, MachineAbove: 2}, time.Hour
	l := New(p)
	tell := func(Event) {}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := i * 160 % (len(pcm) - 160)
		if k == 0 && i > 0 {
			b.StopTimer()
			l = New(p)
			b.StartTimer()
		}
		l.Feed(pcm[k:k+160], tell)
	}
}
