package beeline

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestASubscriptionIsRenewedBeforeItEndsAndTheOldOneEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.sim.granted = 1
	b.start()
	first := wait(t, b.sim.subbed, "the first")
	second := wait(t, b.sim.subbed, "the second")
	if gone := wait(t, b.sim.ended, "the end of the first"); gone != first || second == first {
		t.Fatalf("%s ended, %s and %s were given", gone, first, second)
	}
	asked := b.sim.requests("PUT subscription")[0]
	if want := `PUT subscription? {"pattern":"9333221100","subscriptionType":"BASIC_CALL","expires":3600,"url":"` + b.sim.hook + `"}`; asked != want {
		t.Errorf("asked %s", asked)
	}
}

func TestARestartFindsItsSubscription(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	id := b.subscribed()
	in := Call{ID: "i", Tracking: "in", Personality: personTerminator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(0)}
	b.sendAll(id, []step{{eventReceived, operator, in}}) // it stands
	wait(t, b.engine.opened, "the call")
	stop(t, b.client)
	next := b.open("")
	b.run(next)
	for deadline := time.Now().Add(time.Minute); len(next.Subscriptions()) == 0 || next.Subscriptions()[0].State != calls.SubscriptionActive; {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", next.Subscriptions())
		}
		wait(t, time.After(5*time.Millisecond), "time")
	}
	in.ID, in.Tracking = "j", "in-2"
	b.sendAll(id, []step{{eventReceived, operator, in}})
	wait(t, b.engine.opened, "the call after the restart")
	if n := len(b.sim.requests("PUT subscription")); n != 1 {
		t.Errorf("%d subscriptions were ordered", n)
	}
}

func TestWhatTheProviderEndsIsOrderedAnew(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	first := b.subscribed()
	if code := b.sim.post("text/xml", writeEvent(Event{Type: eventTerminated, Subscription: first, User: operator})); code != 200 {
		t.Fatal(code)
	}
	second := wait(t, b.sim.subbed, "another")
	if second == first {
		t.Fatal("the same")
	}
}

func TestSavingTheEmployeeSubscribesAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	first := b.subscribed()
	b.anna.UpdatedAt = b.anna.UpdatedAt.Add(time.Second)
	put(t, b.store, func(tx calls.Tx) error { return tx.PutEmployee(b.anna) })
	wait(t, b.sim.subbed, "another")
	if gone := wait(t, b.sim.ended, "the end of the first"); gone != first {
		t.Fatal(gone)
	}
	if err := b.client.Subscribe(context.Background(), "emp_anna"); err != nil {
		t.Fatal(err)
	}
	wait(t, b.sim.subbed, "a third one, by hand")
	if err := b.client.Subscribe(context.Background(), "emp_nobody"); calls.CodeOf(err) != calls.CodeWrongState {
		t.Error(err)
	}
	for len(b.sim.ended) > 0 {
		<-b.sim.ended
	}
	put(t, b.store, func(tx calls.Tx) error { _, err := tx.DeleteEmployee(calls.MainAccount, "emp_anna"); return err })
	wait(t, b.sim.ended, "the end of what nobody wants")
}

func TestWhyASubscriptionFailsIsSaidInWords(t *testing.T) {
	t.Parallel()
	for words, fault := range map[string]http.HandlerFunc{
		"does not take the token":       says(401, `{"errorCode":"x","description":"y"}`),
		"does not know this subscriber": says(404, `{"errorCode":"AbonentNotFound","description":"no"}`),
		"wants fewer requests":          says(429, ""),
		"cannot be read":                says(200, "<html>hello</html>"),
		"names no subscription":         says(200, `{}`),
		"status 500":                    says(500, "<html>"),
		"it took too long":              hangs,
	} {
		settings := "timeout: 1m"
		if words == "it took too long" {
			settings = "timeout: 3s"
		}
		b := newBench(t, settings)
		b.sim.fault("PUT subscription", fault)
		b.start()
		var got []calls.Subscription
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			if got = b.client.Subscriptions(); len(got) == 1 && got[0].State == calls.SubscriptionFailed {
				break
			}
			wait(t, time.After(5*time.Millisecond), "time")
		}
		if len(got) != 1 || !strings.Contains(got[0].Words, words) || strings.Contains(got[0].Words, simToken) || got[0].Employee != "emp_anna" {
			t.Errorf("%s: %+v", words, got)
		}
	}
}

func TestASubscriptionThatIsGrantedWhileTheClientStopsIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	asked, answer := make(chan struct{}), make(chan struct{})
	b.sim.fault("PUT subscription", func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = w.Write([]byte(`{"subscriptionId":"late","expires":3600}`))
	})
	b.client.subs.grace = time.Minute
	b.start()
	wait(t, asked, "the order")
	b.client.end() // as Stop does first
	close(answer)
	stop(t, b.client)
	kept, err := readLedger(context.Background(), b.store, "pbx")
	if err != nil || kept["emp_anna"].ID != "late" {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestTheIntakeIsParticular(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	id := b.subscribed()
	good := writeEvent(Event{Type: eventReceived, Subscription: id, User: operator, Calls: []Call{{ID: "a"}}})
	for _, c := range []struct {
		name, contentType string
		body              []byte
		code              int
	}{
		{"as it should be", "application/xml; charset=UTF-8", good, 200},
		{"the same again", "application/xml", good, 200},
		{"no XML type", "application/json", good, 415},
		{"no type", "", good, 415},
		{"too long", "application/xml", append(good, make([]byte, maxEvent)...), 413},
		{"a bomb", "application/xml", []byte(`<!DOCTYPE a [<!ENTITY b "bb">]><Event>&b;</Event>`), 400},
		{"no XML", "application/xml", []byte("callId=1"), 400},
		{"somebody else's subscription", "application/xml", writeEvent(Event{Type: eventReceived, Subscription: "sub-x", User: operator}), 403},
		{"an end of somebody else's", "application/xml", writeEvent(Event{Type: eventTerminated, Subscription: "sub-x"}), 403},
	} {
		if code := b.sim.post(c.contentType, c.body); code != c.code {
			t.Errorf("%s: %d, want %d", c.name, code, c.code)
		}
	}
	resp, err := http.Get(b.sim.hook)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Error(resp.StatusCode)
	}
}

func TestAnEventMayComeBeforeTheAnswerThatNamesItsSubscription(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	codes := make(chan int, 1)
	b.sim.fault("PUT subscription", func(w http.ResponseWriter, r *http.Request) {
		go func() {
			codes <- b.sim.send("early", step{eventReceived, operator, Call{ID: "a", Tracking: "t", Personality: personTerminator, Start: ms(0)}})
		}()
		_, _ = w.Write([]byte(`{"subscriptionId":"early","expires":3600}`))
	})
	b.start()
	if code := wait(t, codes, "the answer"); code != 200 {
		t.Fatal(code)
	}
	wait(t, b.engine.opened, "the call")
}

func TestAProviderThatHangsHoldsUpNoEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").start()
	id := b.subscribed()
	in := Call{ID: "i", Tracking: "in", Personality: personTerminator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(0)}
	b.sendAll(id, []step{{eventReceived, operator, in}})
	wait(t, b.engine.opened, "the call")
	b.sim.fault("PUT subscription", hangs)
	b.sim.fault("GET abonents", hangs)
	again := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { again <- b.client.Subscribe(ctx, "emp_anna") }()
	in.ID, in.Tracking = "j", "in-2"
	b.sendAll(id, []step{{eventReceived, operator, in}})
	wait(t, b.engine.opened, "the call while the portal hangs")
	cancel()
	wait(t, again, "the order")
}
