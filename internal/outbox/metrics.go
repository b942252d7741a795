package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// metrics are the collectors of the outbox. A nil *metrics counts nothing.
type metrics struct {
	attempts *prometheus.CounterVec
	unwell   *prometheus.GaugeVec
	seconds  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, store calls.Store, clk clock.Clock) *metrics {
	if reg == nil {
		return nil
	}
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_outbox_attempts_total",
			Help: "Attempts to deliver an event, by result: delivered, skipped (not wanted), failed (tried again), dead (given up), gone (410, webhook disabled), auth_failed."},
			[]string{"result"}),
		unwell: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "zvonar_outbox_destinations",
			Help: "Destinations that are not served, by state: failing (probed until they answer), auth_failed (waiting for a credential)."},
			[]string{"state"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_outbox_request_seconds",
			Help: "Time one request to a webhook took.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 13)}),
	}
	for _, r := range []string{"delivered", "skipped", "failed", "dead", "gone", "auth_failed"} {
		m.attempts.WithLabelValues(r)
	}
	for _, state := range []string{"failing", "auth_failed"} {
		m.unwell.WithLabelValues(state)
	}
	reg.MustRegister(m.attempts, m.unwell, m.seconds, &backlog{store: store, clock: clk})
	return m
}

func (m *metrics) results(result string, n int) {
	if m != nil {
		m.attempts.WithLabelValues(result).Add(float64(n))
	}
}

// failing counts the destinations that are not well.
func (m *metrics) failing(dests map[string]*destination) {
	if m == nil {
		return
	}
	failing, auth := 0, 0
	for _, d := range dests {
		if d.failing() {
			failing++
		}
		if !d.authFailedAt.IsZero() {
			auth++
		}
	}
	m.unwell.WithLabelValues("failing").Set(float64(failing))
	m.unwell.WithLabelValues("auth_failed").Set(float64(auth))
}

func (m *metrics) tried(took time.Duration) {
	if m != nil {
		m.seconds.Observe(took.Seconds())
	}
}

var (
	pendingDesc = prometheus.NewDesc("zvonar_outbox_pending", "Deliveries that are not done.", nil, nil)
	oldestDesc  = prometheus.NewDesc("zvonar_outbox_oldest_seconds", "Age of the oldest delivery that is not done; 0 if there is none.", nil, nil)
	deadDesc    = prometheus.NewDesc("zvonar_outbox_dead", "Deliveries that were given up and not replayed.", nil, nil)
)

// countShare bounds the time that counting a long backlog may take of all time:
// what was counted serves for so many times as long as the counting took.
const countShare = 100

// backlog reads the gauges from the store when Prometheus asks.
type backlog struct {
	store calls.Store
	clock clock.Clock

	mu            sync.Mutex
	fresh         time.Time // what follows is good until then; real time
	pending, dead int
	oldest        time.Time
}

// Describe implements prometheus.Collector.
func (b *backlog) Describe(ch chan<- *prometheus.Desc) {
	ch <- pendingDesc
	ch <- oldestDesc
	ch <- deadDesc
}

// Collect implements prometheus.Collector.
func (b *backlog) Collect(ch chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.count(); err != nil {
		ch <- prometheus.NewInvalidMetric(pendingDesc, err)
		return
	}
	age := 0.0
	if b.pending > 0 && !b.oldest.IsZero() {
		age = max(0, b.clock.Now().Sub(b.oldest).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(b.pending))
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age)
	ch <- prometheus.MustNewConstMetric(deadDesc, prometheus.GaugeValue, float64(b.dead))
}

func (b *backlog) count() error {
	start := time.Now()
	if start.Before(b.fresh) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := b.store.View(ctx, func(r calls.ReadTx) (err error) {
		if b.pending, b.oldest, err = r.Backlog(); err != nil {
			return err
		}
		b.dead, err = r.DeadLetters()
		return err
	})
	if took := time.Since(start); took > 20*time.Millisecond {
		b.fresh = time.Now().Add(countShare * took)
	}
	return err
}
