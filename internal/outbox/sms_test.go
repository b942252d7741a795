package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// senderFunc makes a Sender of a function.
type senderFunc func(context.Context, calls.SMS) (string, error)

func (f senderFunc) Send(ctx context.Context, m calls.SMS) (string, error) { return f(ctx, m) }

func startSMS(t *testing.T, s calls.Store, sender Sender, clk ...clock.Clock) *SMS {
	t.Helper()
	c := append(clk, clock.System())[0]
	w, err := NewSMS(SMSConfig{Store: s, Clock: c, IDs: clock.NewIDs(c, nil), Sender: sender, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop(context.Background()) })
	return w
}

// ask inserts a call and a text of it in a state.
func ask(t *testing.T, s calls.Store, id string, state calls.SMSState) {
	t.Helper()
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		return errors.Join(
			tx.InsertCall(&calls.Call{ID: "call-" + id, Account: "main", Ref: "ref-" + id, Status: calls.StatusAnswered}),
			tx.InsertSMS(&calls.SMS{ID: id, Account: "main", CallID: "call-" + id, To: "79004443322", Text: "Привет", State: state, CreatedAt: time.Now()}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fate waits for the end of a text and returns it with its events.
func fate(t *testing.T, s calls.Store, id string) (m calls.SMS, events []calls.Event) {
	t.Helper()
	for {
		changed := s.Changed()
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
		if m.State == calls.SMSIsSent || m.State == calls.SMSIsFailed {
			return m, events
		}
		<-changed
	}
}

func TestATextIsCommittedAsSendingBeforeItIsSentOnceAndToldOf(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var mu sync.Mutex
	sent := map[string]int{}
	w := startSMS(t, s, senderFunc(func(ctx context.Context, m calls.SMS) (string, error) {
		mu.Lock()
		sent[m.ID]++
		mu.Unlock()
		if _, limited := ctx.Deadline(); !limited {
			t.Error("the sender has no time limit")
		}
		return "their-" + m.ID, s.View(ctx, func(r calls.ReadTx) error {
			stored, err := r.SMS(m.Account, m.ID)
			if err == nil && stored.State != calls.SMSIsSending {
				t.Errorf("while it is sent the store says %s", stored.State)
			}
			return err
		})
	}))
	for _, id := range []string{"s1", "s2", "s3"} {
		ask(t, s, id, calls.SMSIsQueued)
		w.Kick()
	}
	for _, id := range []string{"s1", "s2", "s3"} {
		m, events := fate(t, s, id)
		if m.State != calls.SMSIsSent || len(events) != 1 || events[0].Type != calls.SMSSent || events[0].Ref != "ref-"+id || m.ProviderID != "their-"+id || m.SentAt.IsZero() {
			t.Errorf("%s: %+v, events %+v", id, m, events)
		}
		mu.Lock()
		if sent[id] != 1 {
			t.Errorf("%s was sent %d times", id, sent[id])
		}
		mu.Unlock()
	}
}

func TestATextThatIsRefusedFailsWithItsWords(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	w := startSMS(t, s, senderFunc(func(context.Context, calls.SMS) (string, error) { return "", &TextRefused{Reason: "no credit"} }))
	ask(t, s, "s1", calls.SMSIsQueued)
	w.Kick()
	m, events := fate(t, s, "s1")
	if m.State != calls.SMSIsFailed || m.Error != "no credit" {
		t.Errorf("text %+v", m)
	}
	if len(events) != 1 || events[0].Type != calls.SMSFailed || !strings.Contains(string(events[0].Data), "no credit") {
		t.Errorf("events %+v", events)
	}
}

func TestATextWhoseSendingWasCutOffIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ask(t, s, "s1", calls.SMSIsSending)
	startSMS(t, s, senderFunc(func(_ context.Context, m calls.SMS) (string, error) {
		t.Errorf("%s was sent again", m.ID)
		return "", nil
	}))
	m, events := fate(t, s, "s1")
	if m.State != calls.SMSIsFailed || m.Error != unknownOutcome || len(events) != 1 || events[0].Type != calls.SMSFailed {
		t.Errorf("text %+v, events %+v", m, events)
	}
}

func TestStopInTheMiddleOfSendingLeavesItToTheNextStart(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	entered := make(chan struct{})
	w := startSMS(t, s, senderFunc(func(ctx context.Context, _ calls.SMS) (string, error) {
		close(entered)
		<-ctx.Done()
		return "", ctx.Err()
	}))
	ask(t, s, "s1", calls.SMSIsQueued)
	w.Kick()
	<-entered
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Stop(gone); err == nil {
		t.Error("Stop says nothing of what it broke off")
	}
	startSMS(t, s, senderFunc(func(context.Context, calls.SMS) (string, error) { t.Error("sent again"); return "", nil }))
	if m, _ := fate(t, s, "s1"); m.Error != unknownOutcome {
		t.Errorf("text %+v", m)
	}
}

func TestTheFileSenderWritesALineForEveryText(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sms.jsonl")
	f := NewFileSender(path, clock.NewFake(time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)))
	for _, text := range []string{"один\nдва", "three"} {
		if _, err := f.Send(t.Context(), calls.SMS{ID: "s1", To: "7900", Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines; want 2", len(lines))
	}
	var first struct{ At, To, Text string }
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.Text != "один\nдва" || first.At != "2026-03-01T09:30:00.000Z" {
		t.Errorf("first line %s, %v", lines[0], err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", st.Mode(), err)
	}
	if _, err := NewFileSender(filepath.Join(path, "x"), clock.System()).Send(t.Context(), calls.SMS{}); err == nil {
		t.Error("a text that could not be written passed for sent")
	}
}

func TestTextThatNoCallAskedForIsSentLikeAnyOther(t *testing.T) {
	s := newStore(t)
	w := startSMS(t, s, senderFunc(func(_ context.Context, m calls.SMS) (string, error) {
		if m.To != "79004443322" || m.From != "78005553535" || m.Text != "Привет" {
			t.Errorf("the sender got %+v", m)
		}
		return "p1", nil
	}))
	id, err := w.Queue(t.Context(), "main", "78005553535", "79004443322", "Привет")
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := fate(t, s, id); m.State != calls.SMSIsSent || m.ProviderID != "p1" || m.CallID != "" {
		t.Errorf("it ended as %+v", m)
	}
	var events []calls.Event
	err = s.View(t.Context(), func(r calls.ReadTx) (err error) {
		events, err = r.Events(calls.EventFilter{Subject: "sms:" + id})
		return err
	})
	if err != nil || len(events) != 2 || events[0].Type != calls.SMSQueued || events[1].Type != calls.SMSSent {
		t.Errorf("%v %+v", err, events)
	}
	if err := s.Update(t.Context(), func(tx calls.Tx) error {
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: "79004443322", Scope: calls.ScopeAccount})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Queue(t.Context(), "main", "", "79004443322", "x"); calls.CodeOf(err) != calls.CodeInvalidNumber {
		t.Errorf("a blocked number: %v", err)
	}
	if _, err := w.Queue(t.Context(), "main", "", "79004443321", ""); calls.CodeOf(err) != calls.CodeInvalidField {
		t.Errorf("an empty text: %v", err)
	}
}
