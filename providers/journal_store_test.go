package providers

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// noteStore is a store that keeps exchanges, and may hold units back or fail.
type noteStore struct {
	calls.Store
	calls.Tx
	rows    []calls.Exchange
	trimmed []time.Time
	held    []func()
	hold    bool
	fail    error
}

func (s *noteStore) Note(fn func(calls.Tx) error, done func(error)) {
	run := func() {
		if s.fail != nil {
			done(s.fail)
			return
		}
		done(fn(s))
	}
	if s.hold {
		s.held = append(s.held, run)
		return
	}
	run()
}

func (s *noteStore) InsertExchange(x *calls.Exchange) error { s.rows = append(s.rows, *x); return nil }

func (s *noteStore) TrimExchanges(before time.Time, most int) (int, error) {
	s.trimmed = append(s.trimmed, before)
	return 0, nil
}

func TestJournalTrimsNowAndThenAndNeverWaits(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	s := &noteStore{}
	j := NewStoreJournal(s, clk, slog.New(slog.DiscardHandler), time.Hour, 10, nil)
	for range trimEvery {
		j.Note(calls.Exchange{Kind: "x"})
	}
	if len(s.rows) != trimEvery || len(s.trimmed) != 1 || !s.trimmed[0].Equal(clk.Now().Add(-time.Hour)) {
		t.Errorf("%d rows, trimmed %v", len(s.rows), s.trimmed)
	}
	s.rows, s.hold = nil, true
	for range journalWaiting + 5 {
		j.Note(calls.Exchange{})
	}
	if len(s.held) != journalWaiting {
		t.Errorf("%d wait for the store", len(s.held))
	}
	for _, run := range s.held {
		run()
	}
	s.hold, s.fail = false, errors.New("full")
	j.Note(calls.Exchange{})
	s.fail = nil
	j.Note(calls.Exchange{})
	if len(s.rows) != journalWaiting+1 {
		t.Errorf("%d were kept", len(s.rows))
	}
	off := NewStoreJournal(nil, clk, slog.New(slog.DiscardHandler), 0, 0, nil)
	off.Note(calls.Exchange{}) // nothing is kept, and nothing is asked
}
