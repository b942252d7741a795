package providers

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

const (
	// journalWaiting is how many exchanges may wait for the store; what comes then is
	// dropped and counted.
	journalWaiting = 1000
	// trimEvery is after how many exchanges the old ones are removed.
	trimEvery = 64
)

// StoreJournal is the Journal over a store. Nobody waits for it.
type StoreJournal struct {
	store calls.Store
	clock clock.Clock
	log   *slog.Logger
	keep  time.Duration
	most  int
	kept  *prometheus.CounterVec

	waiting atomic.Int64
	noted   atomic.Int64
}

// NewStoreJournal keeps the last most exchanges (0: none), each for as long as keep
// (0: until it is none of the last). metrics may be nil.
func NewStoreJournal(store calls.Store, clk clock.Clock, log *slog.Logger, keep time.Duration, most int, metrics prometheus.Registerer) *StoreJournal {
	j := &StoreJournal{store: store, clock: clk, log: log, keep: keep, most: most,
		kept: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_exchanges_total",
			Help: "Exchanges with providers, sinks and users of facades, by what became of their record: kept, dropped."}, []string{"result"})}
	for _, r := range []string{"kept", "dropped"} {
		j.kept.WithLabelValues(r)
	}
	if metrics != nil {
		metrics.MustRegister(j.kept)
	}
	return j
}

// Note implements Journal.
func (j *StoreJournal) Note(x calls.Exchange) {
	if j.most <= 0 {
		return
	}
	if j.waiting.Add(1) > journalWaiting {
		j.waiting.Add(-1)
		j.kept.WithLabelValues("dropped").Inc()
		return
	}
	trim, now := j.noted.Add(1)%trimEvery == 0, j.clock.Now()
	j.store.Note(func(tx calls.Tx) error {
		row := x
		if err := tx.InsertExchange(&row); err != nil || !trim {
			return err
		}
		var before time.Time
		if j.keep > 0 {
			before = now.Add(-j.keep)
		}
		_, err := tx.TrimExchanges(before, j.most)
		return err
	}, func(err error) {
		j.waiting.Add(-1)
		if err != nil {
			j.kept.WithLabelValues("dropped").Inc()
			j.log.Warn("an exchange could not be written into the journal", "kind", x.Kind, "error", err)
			return
		}
		j.kept.WithLabelValues("kept").Inc()
	})
}
