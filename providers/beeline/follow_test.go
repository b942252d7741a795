package beeline

import (
	"context"
	"net/http"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// following is a call that is placed and followed as the engine does it.
type following struct {
	told   chan calls.ProviderReport
	result providers.PlaceResult
	err    error
	done   chan struct{}
}

func (b *bench) place(r providers.PlaceRequest) *following {
	b.t.Helper()
	f := &following{told: make(chan calls.ProviderReport, 50), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	b.t.Cleanup(func() { cancel(); <-f.done })
	placed := make(chan providers.PlaceResult, 1)
	hear := b.client.Follow(ctx, r, placed, func(r calls.ProviderReport) { f.told <- r })
	go func() {
		defer close(f.done)
		hear()
	}()
	if f.result, f.err = b.client.Place(ctx, r); f.err == nil {
		placed <- f.result
	} else {
		close(placed)
	}
	return f
}

// subscribed waits until the first subscription of the client stands.
func (b *bench) subscribed() string {
	b.t.Helper()
	id := wait(b.t, b.sim.subbed, "a subscription")
	return id
}

func (b *bench) sendAll(subscription string, steps []step) {
	b.t.Helper()
	for _, s := range steps {
		if code := b.sim.send(subscription, s); code != http.StatusOK {
			b.t.Fatalf("an event was answered with %d", code)
		}
	}
}

// ours is clickToDial as the call of the simulator.
func ours(id string) []step {
	steps := clickToDial()
	for i := range steps {
		if steps[i].call.ID == "half-1" {
			steps[i].call.ID = id
		}
	}
	return steps
}

func TestACallOfOursIsFollowedToItsRecording(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	sub := b.subscribed()
	f := b.place(request(b))
	b.sim.mu.Lock()
	b.sim.records = []map[string]any{{"id": "1", "externalId": "other"}, {"id": "2", "externalId": "x"}, {"id": "3", "externalId": "t", "duration": 30000}}
	b.sim.mu.Unlock()
	b.sendAll(sub, ours("callhalf-1:0"))
	got := waitState(t, f.told, calls.ReportRecord)
	want := []calls.ReportState{calls.ReportManager, calls.ReportRinging, calls.ReportAnswered, calls.ReportJoined, calls.ReportEnded, calls.ReportRecord}
	if len(got) != len(want) {
		t.Fatalf("%v", states(got))
	}
	for i, s := range want {
		if got[i].State != s {
			t.Fatalf("%v", states(got))
		}
	}
	if got[4].TalkMS != 30000 || got[5].RecordURL != "https://cloudpbx.example/api/downloadCallRecording/a/record/3" {
		t.Fatalf("%+v", got[4:])
	}
	<-f.done
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	if len(b.engine.foreign) != 0 {
		t.Error("our own call was told as a stranger's")
	}
}

func TestEventsMayBeFasterThanTheAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	sub := b.subscribed()
	steps := ours("callhalf-1:0")
	b.sim.fault("POST abonents/9333221100/call", func(w http.ResponseWriter, _ *http.Request) {
		b.sendAll(sub, steps)
		_, _ = w.Write([]byte(`"callhalf-1:0"`))
	})
	f := b.place(request(b))
	if got := waitState(t, f.told, calls.ReportEnded); len(got) != 5 {
		t.Fatalf("%v", states(got))
	}
}

func TestACallOfUnknownFateIsKnownByItsParties(t *testing.T) {
	t.Parallel()
	b := newBench(t, "poll: 0s").start()
	sub := b.subscribed()
	b.sim.fault("POST abonents/9333221100/call", says(502, "<html>bad gateway</html>"))
	f := b.place(request(b))
	if f.err == nil {
		t.Fatal("a gateway's page was taken for a yes")
	}
	b.sendAll(sub, ours("whatever"))
	if got := waitState(t, f.told, calls.ReportEnded); len(got) != 5 || got[4].TalkMS != 30000 {
		t.Fatalf("%v", states(got))
	}
}

func TestWhatTheEmployeeDialsMeanwhileIsNotOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	sub := b.subscribed()
	f := b.place(request(b))
	other := Call{ID: "o", Tracking: "other", Personality: personOriginator, State: "Alerting", Remote: Remote{Address: "tel:+79005550000"}, Start: ms(0)}
	b.sendAll(sub, []step{{eventOriginated, operator, other}})
	foreign := wait(t, b.engine.opened, "the employee's own call")
	if foreign.call.To != "79005550000" || foreign.call.From != "79333221100" || foreign.call.Direction != calls.Out || foreign.call.Employee != "emp_anna" || foreign.call.ProviderCallID != "other" {
		t.Fatalf("%+v", foreign.call)
	}
	b.sendAll(sub, ours("callhalf-1:0"))
	waitState(t, f.told, calls.ReportEnded)
}

func TestAnIncomingCallIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	sub := b.subscribed()
	in := Call{ID: "i", Tracking: "in", Personality: personTerminator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(0)}
	missed := in
	missed.State, missed.Release, missed.Cause = "Released", ms(20000), "Temporarily Unavailable"
	b.sendAll(sub, []step{{eventReceived, operator, in}, {eventReceived, operator, in}, {eventReleased, operator, missed}, {eventUpdated, operator, in}})
	call := wait(t, b.engine.opened, "the call")
	if call.call.Direction != calls.In || call.call.From != "79220001122" || call.call.Line != "79333221100" || call.call.To != call.call.Line {
		t.Fatalf("%+v", call.call)
	}
	got := waitState(t, call.reports, calls.ReportEnded)
	if len(got) != 2 || got[1].SIPCode != 480 || got[1].TalkMS != 0 {
		t.Fatalf("%+v", got)
	}
	b.sendAll(sub, []step{{eventReceived, operator, in}, {eventReleased, operator, missed}}) // late copies
	b.sendAll(sub, []step{{eventReceived, operator, Call{ID: "n", Tracking: "next", Personality: personTerminator, Start: ms(0)}}})
	if next := wait(t, b.engine.opened, "the next call"); next.call.ProviderCallID != "next" || next.call.From != "" {
		t.Fatalf("%+v", next.call)
	}
}

func TestWhatWasTakenInIsToldAlsoWhileTheClientStops(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.client.desk.settle = time.Hour // what is quiet is not over before the stop
	b.start()
	sub := b.subscribed()
	in := Call{ID: "i", Tracking: "in", Personality: personTerminator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(0)}
	missed := in
	missed.State, missed.Release, missed.Cause = "Released", ms(20000), "Temporarily Unavailable"
	b.sendAll(sub, []step{{eventReceived, operator, in}, {eventReleased, operator, missed}})
	stop(t, b.client)
	if len(b.engine.opened) != 1 {
		t.Fatal("the call was not told")
	}
	if got := (<-b.engine.opened).reports; len(got) != 2 || (<-got).State != calls.ReportRinging || (<-got).State != calls.ReportEnded {
		t.Errorf("%d more reports", len(got))
	}
	if code := b.sim.send(sub, step{eventReceived, operator, in}); code != 503 {
		t.Errorf("an event after the end: %d", code)
	}
}

func TestHuntGroupsAreNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, "subscribe: group").start()
	sub := b.subscribed()
	in := Call{ID: "g", Tracking: "in", Personality: personTerminator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(0)}
	his := in
	his.ID = "h"
	stranger := in
	stranger.ID, stranger.Tracking = "s", "stranger"
	b.sendAll(sub, []step{{eventReceived, "MPBX_sales_hg_1", in}, {eventReceived, "MPBX_menu_vxml", in}, {eventReceived, "SIP555", stranger}, {eventReceived, operator, his}})
	call := wait(t, b.engine.opened, "the call")
	if call.call.Employee != "emp_anna" || call.call.ProviderCallID != "in" {
		t.Fatalf("%+v", call.call)
	}
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	if len(b.engine.foreign) != 1 {
		t.Errorf("%d calls were told", len(b.engine.foreign))
	}
}

func TestWithoutEventsTheStatisticsTell(t *testing.T) {
	t.Parallel()
	b := newBench(t, "subscribe: \"off\"\npoll: 20ms").start()
	f := b.place(request(b))
	wait(t, b.sim.calls, "the call")
	b.sim.mu.Lock()
	now := time.Now().UnixMilli()
	b.sim.stats = []map[string]any{
		{"startDate": now, "direction": "INBOUND", "phone": "9220001122", "duration": 1000, "status": "RECIEVED"},
		{"startDate": now - 3600000, "direction": "OUTBOUND", "phone": "9220001122", "duration": 1000, "status": "PLACED"},
		{"startDate": now, "direction": "OUTBOUND", "phone": "9220001122", "duration": 2000, "status": "PLACED", "abonent": map[string]any{"userId": "somebody@else", "phone": "9110000000"}},
		{"startDate": now, "direction": "OUTBOUND", "phone_to": "79220001122", "duration": "12000", "status": "PLACED"},
	}
	b.sim.mu.Unlock()
	got := waitState(t, f.told, calls.ReportEnded)
	if len(got) != 3 || got[2].TalkMS != 12000 {
		t.Fatalf("%+v", got)
	}
	<-f.done
}

func TestARecordingThatNeverComesIsGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, "records: [5ms, 5ms]").start()
	sub := b.subscribed()
	b.sim.fault("GET records", says(500, "<html>"))
	f := b.place(request(b))
	b.sendAll(sub, ours("callhalf-1:0"))
	waitState(t, f.told, calls.ReportEnded)
	wait(t, f.done, "the end of following")
	if n := len(b.sim.requests("GET records?")); n != 2 {
		t.Errorf("%d looks", n)
	}
}
