package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// queue inserts texts to one number, one after another.
func queueTexts(t *testing.T, s calls.Store, to string, ids ...string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		for i, id := range ids {
			m := &calls.SMS{ID: id, Account: "main", CallID: "none", To: to, Text: id, State: calls.SMSIsQueued, CreatedAt: epoch.Add(time.Duration(i) * time.Second)}
			if err := tx.InsertSMS(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var epoch = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestTheTableOfTextsSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for _, st := range calls.SMSStates() {
		moves, listed := smsMoves[st]
		if !listed {
			t.Errorf("%s is not in the table", st)
		}
		for turn, move := range moves {
			if move.to == calls.SMSIsSending && st != calls.SMSIsQueued {
				t.Errorf("%s leads to sending by %s", st, turn)
			}
			if move.to == calls.SMSIsQueued && turn != turnPostponed {
				t.Errorf("%s leads back to the queue by %s", st, turn)
			}
		}
	}
}

func TestSeveralTextsAreSentAtOnceButThoseOfANumberInOrder(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var mu sync.Mutex
	order := map[string][]string{}
	both := make(chan struct{})
	under := 0
	w := startSMS(t, s, senderFunc(func(ctx context.Context, m calls.SMS) (string, error) {
		mu.Lock()
		order[m.To] = append(order[m.To], m.ID)
		if under++; under == 2 {
			close(both)
		}
		mu.Unlock()
		select {
		case <-both: // the first of each number hold each other up until both are there
		case <-ctx.Done():
			return "", ctx.Err()
		}
		return "", nil
	}))
	queueTexts(t, s, "79001", "a1", "a2", "a3")
	queueTexts(t, s, "79002", "b1", "b2", "b3")
	w.Kick()
	for _, id := range []string{"a3", "b3"} {
		if m, _ := fate(t, s, id); m.State != calls.SMSIsSent {
			t.Errorf("%s: %+v", id, m)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := fmt.Sprint(order["79001"], order["79002"]); got != "[a1 a2 a3] [b1 b2 b3]" {
		t.Errorf("sent in the order %s", got)
	}
}

func TestATextIsTriedAgainOnlyWhereNothingWasSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		err   error
		tries int
		state calls.SMSState
		words string
	}{
		{"refused for good", &TextRefused{Reason: "no such number"}, 1, calls.SMSIsFailed, "no such number"},
		{"refused for now", &TextRefused{Reason: "busy", Again: true}, len(smsAgain) + 1, calls.SMSIsFailed, "busy"},
		{"nobody can tell", errors.New("no answer came"), 1, calls.SMSIsFailed, "outcome unknown: no answer came"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, clk := newStore(t), clock.NewFake(epoch.Add(time.Hour))
			tried := make(chan struct{}, 100)
			w := startSMS(t, s, senderFunc(func(context.Context, calls.SMS) (string, error) { tried <- struct{}{}; return "", c.err }), clk)
			ask(t, s, "s1", calls.SMSIsQueued)
			w.Kick()
			for n := 1; n <= c.tries; n++ {
				<-tried
				if n == c.tries {
					break
				}
				for back := false; !back; { // queued again, with a time
					err := s.View(t.Context(), func(r calls.ReadTx) error {
						m, err := r.SMS("main", "s1")
						back = err == nil && m.State == calls.SMSIsQueued && m.Tries == n && m.NextAt.Equal(clk.Now().Add(smsAgain[n-1]))
						return err
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				clk.Advance(smsAgain[n-1])
				w.Kick() // the alarm of the clock may have been set after it was moved
			}
			m, events := fate(t, s, "s1")
			if m.State != c.state || m.Error != c.words || m.Tries != c.tries {
				t.Errorf("text %+v", m)
			}
			if len(events) != 1 || events[0].Type != calls.SMSFailed {
				t.Errorf("events %+v", events)
			}
			if len(tried) > 0 {
				t.Errorf("%d more tries", len(tried))
			}
		})
	}
}

func TestADeliveryReportCountsOnceAndLateIsWell(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	w := startSMS(t, s, senderFunc(func(_ context.Context, m calls.SMS) (string, error) { return "their-" + m.ID, nil }))
	for _, id := range []string{"s1", "s2"} {
		ask(t, s, id, calls.SMSIsQueued)
		w.Kick()
		fate(t, s, id)
	}
	at := epoch.Add(time.Minute)
	for range 3 {
		m, err := w.Report(t.Context(), "main", "s1", TextReport{Delivered: true, At: at})
		if err != nil || m.State != calls.SMSIsDelivered || !m.ReportedAt.Equal(at) {
			t.Fatalf("%+v, %v", m, err)
		}
		if m, err = w.ReportByProvider(t.Context(), "their-s2", TextReport{Error: "absent\r\nsubscriber"}); err != nil || m.State != calls.SMSIsFailed {
			t.Fatalf("%+v, %v", m, err)
		}
	}
	if m, events := fate2(t, s, "s1"); len(events) != 2 || events[1].Type != calls.SMSDelivered || m.Error != "" {
		t.Errorf("s1: %+v, %+v", m, events)
	}
	if m, events := fate2(t, s, "s2"); len(events) != 2 || events[1].Type != calls.SMSFailed || strings.ContainsAny(m.Error, "\r\n") || !strings.Contains(m.Error, "absent") {
		t.Errorf("s2: %+v, %+v", m, events)
	}
	if _, err := w.Report(t.Context(), "main", "s1", TextReport{}); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("the opposite report: %v", err)
	}
	for what, account := range map[string]string{"s9": "main", "s1": "other"} {
		if _, err := w.Report(t.Context(), account, what, TextReport{}); !errors.Is(err, calls.ErrNotFound) {
			t.Errorf("a text that is not there: %v", err)
		}
	}
	if _, err := w.ReportByProvider(t.Context(), "", TextReport{}); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("no name at all: %v", err)
	}
}

// fate2 reads a text and its events as they are now.
func fate2(t *testing.T, s calls.Store, id string) (m calls.SMS, events []calls.Event) {
	t.Helper()
	err := s.View(t.Context(), func(r calls.ReadTx) error {
		p, err := r.SMS("main", id)
		if err != nil {
			return err
		}
		m = *p
		events, err = r.Events(calls.EventFilter{Subject: calls.CallSubject("call-" + id)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, events
}

func TestAReportMayOvertakeTheAnswerAndMendAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var w *SMS
	started := make(chan struct{})
	w = startSMS(t, s, senderFunc(func(ctx context.Context, m calls.SMS) (string, error) {
		<-started
		if m.ID == "s2" {
			return "", errors.New("no answer came")
		}
		_, err := w.Report(ctx, "main", m.ID, TextReport{Delivered: true})
		return "their-1", err
	}))
	close(started)
	ask(t, s, "s1", calls.SMSIsQueued)
	ask(t, s, "s2", calls.SMSIsQueued)
	w.Kick()
	for {
		if m, _ := fate2(t, s, "s1"); m.ProviderID != "" {
			break
		}
	}
	m, events := fate2(t, s, "s1")
	if m.State != calls.SMSIsDelivered || len(events) != 1 || events[0].Type != calls.SMSDelivered || m.SentAt.IsZero() {
		t.Errorf("overtaken: %+v %+v", m, events)
	}
	fate(t, s, "s2")
	if _, err := w.Report(t.Context(), "main", "s2", TextReport{Delivered: true}); err != nil {
		t.Fatal(err)
	}
	if m, events := fate2(t, s, "s2"); m.State != calls.SMSIsDelivered || len(events) != 2 || events[1].Type != calls.SMSDelivered || m.Error != "" {
		t.Errorf("mended: %+v %+v", m, events)
	}
}

func TestAReportOfATextThatWasNotBegunIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ask(t, s, "s1", calls.SMSIsQueued)
	w, err := NewSMS(SMSConfig{Store: s, Clock: clock.System(), IDs: clock.NewIDs(clock.System(), nil), Sender: senderFunc(nil)}) // not running
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Report(t.Context(), "main", "s1", TextReport{Delivered: true}); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("%v; want wrong-state", err)
	}
}
