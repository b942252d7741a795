package rostelecom

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// ev writes an event: "connected 201 → 79161234567 pin" as its parts.
func ev(state, second, request, pin string) event {
	return event{SessionID: "s", State: text(state), Timestamp: text("2018-04-23 15:01:" + second), Type: typeOutbound,
		FromNumber: "sip:+74951234567@d", RequestNumber: text(request), RequestPIN: text(pin), IsRecord: "false"}
}

const client = "sip:+79161234567@d"

func tellAll(t *telling, events ...event) (said []string) {
	for _, e := range events {
		for _, r := range t.event(e) {
			said = append(said, string(r.State))
		}
	}
	return said
}

func TestEventsBecomeReports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ready  string
		events []event
		want   string
	}{
		"a callback that is answered": {onNumber, []event{ev("new", "01", client, ""), ev("calling", "02", "sip:201@d", "201"), ev("connected", "05", "sip:201@d", "201"),
			ev("calling", "06", client, ""), ev("connected", "10", client, ""), ev("disconnected", "30", client, ""), ev("end", "31", client, "")},
			"manager ringing answered joined ended"},
		"a talk that is told once": {onNumber, []event{ev("new", "01", client, ""), ev("calling", "02", client, ""), ev("connected", "10", client, ""), ev("end", "31", client, "")},
			"ringing answered joined ended"},
		"nobody answers": {onNumber, []event{ev("new", "01", client, ""), ev("calling", "02", client, ""), ev("end", "31", client, "")}, "ringing ended"},
		"every event twice": {onNumber, []event{ev("calling", "02", client, ""), ev("calling", "02", client, ""), ev("connected", "10", client, ""), ev("connected", "10", client, ""),
			ev("end", "31", client, ""), ev("end", "31", client, "")}, "ringing answered joined ended"},
		"nothing counts after the end": {onNumber, []event{ev("end", "31", client, ""), ev("connected", "10", client, "")}, "ended"},
		"the second connected by configuration": {onSecond, []event{ev("connected", "05", client, ""), ev("connected", "10", client, ""), ev("end", "31", "", "")},
			"manager answered joined ended"},
		"the first connected by configuration": {onFirst, []event{ev("connected", "05", "sip:201@d", "201"), ev("end", "31", "", "")}, "answered joined ended"},
		"states that are not known":            {onNumber, []event{ev("analytics", "05", client, ""), ev("humming", "06", client, "")}, ""},
	} {
		got := strings.Join(tellAll(newTelling("79161234567", "201", c.ready), c.events...), " ")
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// An own side that was rung and did not answer is none of the client's doing.
func TestWhoDidNotComeDecidesTheOutcome(t *testing.T) {
	t.Parallel()
	own := []event{ev("new", "01", client, ""), ev("calling", "02", "sip:201@d", "201")}
	for name, c := range map[string]struct {
		joins  bool
		events []event
		info   *callInfo
		want   string
	}{
		"the manager":                   {true, own, nil, "canceled manager_not_reached 0"},
		"the manager, by his code":      {true, own, &callInfo{State: "2", StatusCode: "486"}, "canceled manager_not_reached 0"},
		"our user agent":                {false, own, nil, "trunk_error provider_failed 0"},
		"the client":                    {true, append(slices.Clone(own), ev("connected", "03", "sip:201@d", "201")), nil, "no_answer  0"},
		"the client, by his code":       {true, append(slices.Clone(own), ev("connected", "03", "sip:201@d", "201")), &callInfo{State: "2", StatusCode: "486"}, "  486"},
		"the client, his leg told only": {true, append(slices.Clone(own), ev("calling", "03", client, "")), nil, "no_answer  0"},
		"an answer that was not told":   {true, own, &callInfo{State: "1", Duration: "20"}, "answered  0"},
	} {
		tl := newTelling("79161234567", "201", onNumber)
		tl.joins = c.joins
		tellAll(tl, c.events...)
		reps := tl.event(ev("end", "31", "", ""))
		got := tl.ended(reps[0], c.info)
		if s := fmt.Sprint(got.Outcome, " ", got.Reason, " ", got.SIPCode); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

// Whatever order events come in, and however often, there is one end and nothing after it.
func TestEventsInAnyOrderEndOnce(t *testing.T) {
	t.Parallel()
	all := []event{ev("new", "01", client, ""), ev("calling", "02", "sip:201@d", "201"), ev("connected", "05", "sip:201@d", "201"),
		ev("calling", "06", client, ""), ev("connected", "10", client, ""), ev("disconnected", "30", client, ""), ev("end", "31", client, "")}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		events := append(slices.Clone(all), all[r.IntN(len(all))], all[r.IntN(len(all))])
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		said := tellAll(newTelling("79161234567", "201", onNumber), events...)
		if n := len(said); n == 0 || said[n-1] != "ended" || slices.Index(said, "ended") != n-1 {
			t.Fatalf("seed %d: %v", seed, said)
		}
		seen := map[string]bool{}
		for _, s := range said {
			if seen[s] {
				t.Fatalf("seed %d: %s was told twice: %v", seed, s, said)
			}
			seen[s] = true
		}
	}
}

func TestTheEndIsWhatCallInfoSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		info *callInfo
		talk bool
		want string
	}{
		"accepted":                         {&callInfo{State: "1", Duration: "20"}, false, "answered 20000 0"},
		"not accepted, busy":               {&callInfo{State: "2", StatusCode: "486", StatusString: "Busy Here"}, false, " 0 486"},
		"not accepted, no code":            {&callInfo{State: "2", StatusCode: "0"}, false, "no_answer 0 0"},
		"not accepted, no SIP code":        {&callInfo{State: "2", StatusCode: "17"}, false, "no_answer 0 0"},
		"nothing, after a talk":            {nil, true, "answered 21000 0"},
		"nothing, without one":             {nil, false, "no_answer 0 0"},
		"a state of its own, after a talk": {&callInfo{State: "9"}, true, "answered 21000 0"},
		"a duration that cannot be":        {&callInfo{State: "1", Duration: "-4"}, false, "answered 0 0"},
	} {
		tl := newTelling("79161234567", "201", onNumber)
		if c.talk {
			tl.event(ev("connected", "10", client, ""))
		}
		reps := tl.event(ev("end", "31", client, ""))
		got := tl.ended(reps[len(reps)-1], c.info)
		if s := fmt.Sprint(got.Outcome, " ", got.TalkMS, " ", got.SIPCode); s != c.want || got.State != calls.ReportEnded {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}
