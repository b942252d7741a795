package figures

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

var stored = flag.Int("stored", 1_000_000, "calls in the store before recovery")

// TestRecovery kills a daemon over a store of many calls, some of them running,
// and takes the time until the next one answers SIP and API.
func TestRecovery(t *testing.T) {
	need(t)
	dir := t.TempDir()
	const running, queued = 2000, 3000
	began := time.Now()
	fill(t, filepath.Join(dir, "zvonar.db"), *stored, running, queued)
	size, err := os.Stat(filepath.Join(dir, "zvonar.db"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\n## Recovery (%d calls with 5 events each, %d running, %d queued for tomorrow; %d MB; filled in %s)\n\n",
		*stored, running, queued, size.Size()>>20, time.Since(began).Round(time.Second))
	fmt.Println("| start after | API and /readyz s | SIP answers OPTIONS s | every running call ended s |\n|---|---|---|---|")
	d := configure(t, dir)
	for _, after := range []string{"kill -9, 2,000 calls running", "kill -9 again, nothing running", "kill -9 again"} {
		start := time.Now()
		d.start()
		var api, sip time.Duration
		d.until("the API answers", d.ready)
		api = time.Since(start)
		d.until("SIP answers", func() bool { return options(t, d.sip) })
		sip = time.Since(start)
		d.until("every running call ended", func() bool { return d.lost() == 0 })
		fmt.Printf("| %s | %.2f | %.2f | %.2f |\n", after, api.Seconds(), sip.Seconds(), time.Since(start).Seconds())
		d.kill()
	}
}

// lost counts the calls that still look answered.
func (d *daemon) lost() int {
	d.t.Helper()
	var list struct{ Items []struct{ ID string } }
	d.do("GET", "/v1/calls?status=answered&limit=1", "application/json", nil, &list)
	return len(list.Items)
}

// fill writes calls as a daemon of the past left them.
func fill(t *testing.T, path string, over, running, queued int) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: path, Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	ids := clock.NewIDs(clock.System(), nil)
	const unit = 500
	failed := make(chan error, 1)
	inFlight := make(chan struct{}, 64)
	for n := 0; n < over+running+queued; n += unit {
		inFlight <- struct{}{}
		s.Observe(func(tx calls.Tx) error {
			var errs []error
			for i := n; i < min(n+unit, over+running+queued); i++ {
				state := calls.StatusCompleted
				if i >= over {
					state = calls.StatusAnswered
				}
				if i >= over+running {
					state = calls.StatusQueued
				}
				errs = append(errs, fillOne(tx, ids, i, state))
			}
			return errors.Join(errs...)
		}, func(err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
			<-inFlight
		})
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

func fillOne(tx calls.Tx, ids *clock.IDs, i int, state calls.Status) error {
	at := time.Now().Add(-time.Hour)
	c := &calls.Call{ID: ids.New("call_"), Account: calls.MainAccount, Ref: fmt.Sprintf("order-%d", i), Direction: calls.Out, Status: state,
		To: fmt.Sprintf("7916%07d", i%10_000_000), From: "78005553535", Trunk: "main", CreatedAt: at, DueAt: at}
	types := []calls.EventType{calls.CallQueued, calls.CallDialing, calls.CallAnswered, calls.CallPlaybackStarted, calls.CallCompleted}
	switch state {
	case calls.StatusCompleted:
		c.Outcome, c.Reason, c.AnsweredAt, c.EndedAt, c.TalkMS = calls.OutcomeAnswered, calls.ReasonHangup, &at, &at, 9000
	case calls.StatusAnswered:
		c.AnsweredAt, types = &at, types[:4]
	default:
		c.DueAt, types = time.Now().Add(24*time.Hour), types[:1]
	}
	if err := tx.InsertCall(c); err != nil {
		return err
	}
	if state != calls.StatusQueued {
		a := &calls.Attempt{ID: ids.New("att_"), CallID: c.ID, Account: c.Account, N: 1, Role: calls.RoleCustomer, Trunk: "main", To: c.To,
			SIPCallID: c.ID, SentAt: at, Charged: true, State: calls.AttemptOver}
		if state == calls.StatusAnswered {
			a.State = calls.AttemptAnswered
		}
		if err := tx.InsertAttempt(a); err != nil {
			return err
		}
	}
	for _, typ := range types {
		e := calls.ForCall(ids.New("evt_"), at, c, typ, map[string]any{"attempt": 1, "codec": "PCMA", "trunk": "main", "target": c.To})
		if err := tx.AppendEvent(&e); err != nil {
			return err
		}
	}
	return nil
}

// options asks the user agent whether it is there.
func options(t *testing.T, sipPort int) bool {
	t.Helper()
	c, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", sipPort))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	tag := time.Now().UnixNano()
	_, _ = fmt.Fprintf(c, "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:f@127.0.0.1>;tag=%d\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: %d@f\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		c.LocalAddr(), tag, tag, tag)
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	n, err := c.Read(make([]byte, 2000))
	return err == nil && n > 0
}
