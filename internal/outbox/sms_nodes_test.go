package outbox

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
	"zvonar/internal/store/pgtest"
)

// TestTwoNodesSendEachTextOnce lets the workers of two nodes compete for the
// texts of one database.
func TestTwoNodesSendEachTextOnce(t *testing.T) {
	t.Parallel()
	const numbers, each = 12, 6
	url := pgtest.URL(t)
	var mu sync.Mutex
	sent, by := map[string][]string{}, map[string]int{} // by number, by node
	both := make(chan struct{})                         // each node sends something
	var nodes []calls.Store
	for _, name := range []string{"a", "b"} {
		s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), URL: url, Node: name, Clock: clock.System()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		nodes = append(nodes, s)
	}
	for n := range numbers {
		to := fmt.Sprintf("7900%02d", n)
		var ids []string
		for i := range each {
			ids = append(ids, fmt.Sprintf("%s-%d", to, i))
		}
		queueTexts(t, nodes[0], to, ids...)
	}
	for i, s := range nodes {
		name := []string{"a", "b"}[i]
		startSMS(t, s, senderFunc(func(ctx context.Context, m calls.SMS) (string, error) {
			mu.Lock()
			sent[m.To] = append(sent[m.To], m.ID)
			if by[name]++; by[name] == 1 && len(by) == 2 {
				close(both)
			}
			mu.Unlock()
			select {
			case <-both:
			case <-ctx.Done():
			}
			return "", ctx.Err()
		}))
	}
	for n := range numbers {
		to := fmt.Sprintf("7900%02d", n)
		for i := range each {
			if m, _ := fate(t, nodes[n%2], fmt.Sprintf("%s-%d", to, i)); m.State != calls.SMSIsSent {
				t.Errorf("%s is %s (%s)", m.ID, m.State, m.Error)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for to, ids := range sent {
		for i, id := range ids {
			if len(ids) != each || id != fmt.Sprintf("%s-%d", to, i) {
				t.Errorf("to %s were sent %v", to, ids)
				break
			}
		}
	}
}

func TestATextIsNotSentByANodeThatMayBeTakenForDead(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	clk := clock.NewFake(epoch)
	var mu sync.Mutex
	held := calls.ErrLapsed
	asked := make(chan struct{}, 10)
	w, err := NewSMS(SMSConfig{Store: s, Clock: clk, IDs: clock.NewIDs(clk, nil),
		Held: func() error {
			mu.Lock()
			defer mu.Unlock()
			asked <- struct{}{}
			return held
		},
		Sender: senderFunc(func(context.Context, calls.SMS) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if held != nil {
				t.Error("it was sent all the same")
			}
			return "", nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	queueTexts(t, s, "79001", "a1")
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Stop(context.Background()) }()
	<-asked
	mu.Lock()
	held = nil // it was renewed
	mu.Unlock()
	for { // its next try comes in a while
		select {
		case <-asked:
			if m, _ := fate(t, s, "a1"); m.State != calls.SMSIsSent || m.Tries != 2 {
				t.Errorf("ended as %+v", m)
			}
			return
		case <-s.Changed():
		case <-t.Context().Done():
			t.Fatal("it was not tried again")
		default:
			clk.Advance(time.Second)
		}
	}
}
