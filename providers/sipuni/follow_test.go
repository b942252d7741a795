package sipuni

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// followed is a call whose reports are gathered.
type followed struct {
	placed chan calls.PlaceResult
	cancel context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	told []calls.ProviderReport
	news chan struct{}
}

// follow begins to follow a call and waits until the hub knows it.
func (b *branch) follow(t testing.TB, r calls.PlaceRequest) *followed {
	t.Helper()
	ctx, cancel := context.WithCancel(background)
	f := &followed{placed: make(chan calls.PlaceResult, 1), cancel: cancel, done: make(chan struct{}), news: make(chan struct{}, 64)}
	hear := b.Follow(ctx, r, f.placed, func(rep calls.ProviderReport) {
		f.mu.Lock()
		f.told = append(f.told, rep)
		f.mu.Unlock()
		f.news <- struct{}{}
	})
	go func() {
		defer close(f.done)
		hear()
	}()
	t.Cleanup(func() { cancel(); <-f.done })
	return f
}

// states are what was told, as words, once there are at least n reports.
func (f *followed) states(n int) string {
	for {
		f.mu.Lock()
		var list []string
		for _, r := range f.told {
			list = append(list, string(r.State))
		}
		f.mu.Unlock()
		if len(list) >= n {
			return strings.Join(list, " ")
		}
		<-f.news
	}
}

func (f *followed) last() calls.ProviderReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told[len(f.told)-1]
}

func TestGoldenEventsOfACallBecomeItsReports(t *testing.T) {
	t.Parallel()
	b := newBranch(t, nil, nil)
	f := b.follow(t, toSIP())
	f.placed <- calls.PlaceResult{ProviderCallID: "0123456789abcdef0123456789abcdef"}
	for _, name := range []string{"1-outgoing.txt", "3-outgoing.txt", "3-outgoing.txt", "2-answered.txt"} {
		if status, body := b.event(t, golden(t, name)); status != 200 || body != `{"success":true}` {
			t.Fatalf("%s: %d %s", name, status, body)
		}
	}
	<-f.done
	if got := f.states(0); got != "ringing manager answered record ended" {
		t.Error(got)
	}
	end := f.last()
	if end.SIPCode != 200 || end.TalkMS != 30_000 || !end.At.Equal(time.Unix(1419783170, 0)) || f.told[3].RecordURL == "" {
		t.Errorf("%+v", end)
	}
}

func TestEventsOutOfOrderAndTwiceTellEachThingOnce(t *testing.T) {
	t.Parallel()
	order, client := order32(1), "79161234567"
	start, answer := about(eventStart, "1.1", order, client), about(eventAnswer, "1.1", order, client)
	end := about(eventEnd, "1.1", order, client, "status", "ANSWER", "call_start_timestamp", "1795251590", "call_answer_timestamp", "1795251595")
	busy := about(eventEnd, "1.1", order, client, "status", "BUSY", "call_answer_timestamp", "0")
	odd := about(eventEnd, "1.1", order, client, "status", "ANSWER", "call_start_timestamp", "1795251590", "call_answer_timestamp", "0")
	part := about(eventPart, "1.1", order, client, "status", "ANSWER")
	ours := about(kind(5), "1.1", order, client)
	for name, c := range map[string]struct {
		events []url.Values
		want   string
		code   int
	}{
		"the end alone":               {[]url.Values{end}, "manager answered ended", 200},
		"the end first":               {[]url.Values{end, answer, start}, "manager answered ended", 200},
		"the answer first":            {[]url.Values{answer, start, answer, end, end}, "manager answered ended", 200},
		"twice and a transfer within": {[]url.Values{start, start, answer, part, ours, end}, "ringing manager answered ended", 200},
		"busy":                        {[]url.Values{start, busy, answer}, "ringing ended", 486},
		"answered without a time":     {[]url.Values{start, odd}, "ringing manager answered ended", 200},
	} {
		b := newBranch(t, nil, nil)
		f := b.follow(t, toSIP())
		f.placed <- calls.PlaceResult{ProviderCallID: order}
		for _, v := range c.events {
			b.event(t, v)
		}
		<-f.done
		if got := f.states(0); got != c.want || f.last().SIPCode != c.code {
			t.Errorf("%s: %s, code %d", name, got, f.last().SIPCode)
		}
	}
}

func TestStatusesEndCallsByTheTable(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{"ANSWER": "200 ", "BUSY": "486 ", "NOANSWER": "480 no_answer", "CANCEL": "487 ", "CONGESTION": "503 ",
		"CHANUNAVAIL": "480 unreachable", "noanswer": "480 no_answer", "SOMETHING": "0 "} {
		var got calls.ProviderReport
		tell := teller{tell: func(r calls.ProviderReport) { got = r }}
		e, err := eventOf(map[string]string{"event": "2", "call_id": "1", "status": status})
		if err != nil {
			t.Fatal(err)
		}
		tell.hear(e)
		if got.State != calls.ReportEnded || fmt.Sprintf("%d %s", got.SIPCode, got.Outcome) != want {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

func TestWhoIsRungFirstDoesNotMatterToAJoinedCall(t *testing.T) {
	t.Parallel()
	inward := func(k kind) event { return event{kind: k, callID: "1", srcType: outside, dstType: inside} }
	outward := func(k kind) event { return event{kind: k, callID: "1", srcType: inside, dstType: outside} }
	for name, list := range map[string][]event{"manager first": {outward(eventStart), outward(eventAnswer)}, "client first": {inward(eventStart), inward(eventAnswer)}} {
		var got []string
		tell := teller{joins: true, tell: func(r calls.ProviderReport) { got = append(got, string(r.State)) }}
		for _, e := range list {
			tell.hear(e)
		}
		if s := strings.Join(got, " "); s != "ringing manager answered joined" {
			t.Errorf("%s: %s", name, s)
		}
	}
}

func TestEventsThatAreFasterThanTheAnswerWaitForIt(t *testing.T) {
	t.Parallel()
	b := newBranch(t, nil, nil)
	one, two := b.follow(t, toSIP()), b.follow(t, toSIP()) // the same client, asked twice
	b.event(t, about(eventStart, "1.1", order32(2), "79161234567"))
	b.event(t, about(eventAnswer, "1.1", order32(2), "79161234567"))
	b.event(t, about(eventStart, "1.2", order32(1), "79161234567"))
	if len(one.told)+len(two.told) != 0 {
		t.Fatal("an event was given away before anybody could know whose it is")
	}
	one.placed <- calls.PlaceResult{ProviderCallID: order32(1)}
	two.placed <- calls.PlaceResult{ProviderCallID: order32(2)}
	if got := two.states(3); got != "ringing manager answered" {
		t.Error(got)
	}
	if got := one.states(1); got != "ringing" {
		t.Error(got)
	}
	// From here on the call_id tells, without the order.
	b.event(t, about(eventAnswer, "1.2", "", "79161234567"))
	if got := one.states(3); got != "ringing manager answered" {
		t.Error(got)
	}
}

func TestCallsWithoutAnOrderAreMatchedByNumberExtensionAndTimeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := newBranch(t, nil, nil)
	var strange []event
	b.hub.foreign = func(e event) { strange = append(strange, e) }
	var unclear []event
	b.hub.unclear = func(e event) { unclear = append(unclear, e) }
	other := toSIP()
	other.To, other.CallID = "79161234568", "call_2"
	one, two := b.follow(t, toSIP()), b.follow(t, other)
	close(one.placed) // no usable answer came
	two.placed <- calls.PlaceResult{ProviderCallID: order32(2)}
	b.event(t, about(eventStart, "1.1", "", "8 (916) 123-45-67"))
	if got := one.states(1); got != "ringing" {
		t.Error(got)
	}
	b.event(t, about(eventStart, "1.2", "", "79161234568"))
	if got := two.states(1); got != "ringing" {
		t.Error(got)
	}
	// A colleague calls the same client himself: another extension, another call.
	b.event(t, about(eventStart, "1.3", "", "79161234567", "src_num", "078332202", "short_src_num", "202"))
	// The same extension again, once its call has a call_id: nobody asked for this one.
	b.event(t, about(eventStart, "1.4", "", "79161234567"))
	if len(strange) != 2 {
		t.Errorf("%d strange calls", len(strange))
	}
	same := toSIP()
	same.To = "79169999999"
	b.follow(t, same)
	b.follow(t, same)
	b.event(t, about(eventStart, "1.5", "", same.To))
	if len(unclear) != 1 {
		t.Error("an event that fits two calls was given to one of them")
	}
	late := toSIP()
	late.To = "79168888888"
	b.follow(t, late)
	b.clock.Advance(defaultWindow + time.Second)
	b.event(t, about(eventStart, "1.6", "", late.To))
	if len(strange) != 3 {
		t.Error("a call long after the request was taken for the one that was asked for")
	}
}

func TestLateEventsOfACallThatIsOverAreNobodyElses(t *testing.T) {
	t.Parallel()
	b := newBranch(t, nil, nil)
	strange := 0
	b.hub.foreign = func(event) { strange++ }
	f := b.follow(t, toSIP())
	f.placed <- calls.PlaceResult{ProviderCallID: order32(1)}
	b.event(t, about(eventEnd, "1.1", order32(1), "79161234567", "status", "BUSY"))
	<-f.done
	b.event(t, about(eventEnd, "1.1", "", "79161234567", "status", "BUSY"))
	b.event(t, about(eventPart, "1.9", order32(1), "79161234567", "status", "BUSY"))
	if strange != 0 {
		t.Error("an event of a call that is over was taken for a strange call")
	}
	b.clock.Advance(lateEvent + time.Second)
	b.event(t, about(eventStart, "1.1", "", "79161234567"))
	if strange != 1 {
		t.Error("a call is known for ever")
	}
}

func TestIntakeBearsWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	b := newBranch(t, nil, nil)
	if status, body := b.event(t, nil); status != 200 || body != `{"success":true}` {
		t.Errorf("a test of the address: %d %s", status, body)
	}
	if status, body := b.event(t, url.Values{"event": {"6"}, "call_id": {"1"}}); status != 200 || body != `{"success":true}` {
		t.Errorf("an event of its own machinery: %d %s", status, body)
	}
	if status, _ := b.event(t, url.Values{"event": {"x"}}); status != 400 {
		t.Errorf("nonsense: %d", status)
	}
	if status, _ := b.event(t, url.Values{"event": {"1"}, "call_id": {strings.Repeat("1", maxField+1)}}); status != 400 {
		t.Errorf("too long: %d", status)
	}
}

func TestTheStatisticTellsOfACallWhoseEventsAreMissing(t *testing.T) {
	t.Parallel()
	sim := newSimulator(t)
	sim.table = bom + "Тип;Статус;Дата и время;Откуда;Куда;Кто ответил;Длительность звонка, сек;Длительность разговора, сек;ID записи;Запись существует\n" +
		"Исходящий;Не отвечен;21.11.2026 11:00:00;201 (Анна);+79161234567;;5;0;;\n" + // an hour before
		"Исходящий;Отвечен;21.11.2026 12:00:04;201 (Анна);+79161234567;+79161234567;60;48;1795251604.1;1\n" +
		"Исходящий;Занят;21.11.2026 12:00:05;201 (Анна);+79161234568;;3;0;;\n"
	b := newBranch(t, sim, func(s *settings) { s.StatisticsAfter = time.Minute })
	f := b.follow(t, toJoin("201@pbx", calls.ManagerFirst, nil))
	f.placed <- calls.PlaceResult{ProviderCallID: order32(1)}
	sim.breaks("html") // what is no table says nothing
	b.clock.Advance(time.Minute)
	<-sim.served
	sim.breaks("")
	b.clock.Advance(time.Minute)
	<-f.done
	if got := f.states(0); got != "manager answered joined ended" || f.last().TalkMS != 48_000 {
		t.Errorf("%s, %+v", got, f.last())
	}
	if asked := sim.requests()[1]; asked.Get("from") != "21.11.2026" || asked.Get("path") != methodStatistic {
		t.Errorf("asked %v", asked)
	}
}
