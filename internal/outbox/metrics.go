package outbox

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// metrics are the collectors of the outbox. A nil *metrics counts nothing.
type metrics struct {
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, store calls.Store, clk clock.Clock) *metrics {
	if reg == nil {
		return nil
	}
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_outbox_attempts_total",
			Help: "Attempts to deliver an event, by result: delivered, failed (tried again), dead (given up), gone (410, webhook disabled)."},
			[]string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_outbox_request_seconds",
			Help: "Time one request to a webhook took.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 13)}),
	}
	for _, r := range []string{"delivered", "failed", "dead", "gone"} {
		m.attempts.WithLabelValues(r)
	}
	reg.MustRegister(m.attempts, m.seconds, &backlog{store: store, clock: clk})
	return m
}

func (m *metrics) attempt(result string) {
	if m != nil {
		m.attempts.WithLabelValues(result).Inc()
	}
}

func (m *metrics) tried(took time.Duration) {
	if m != nil {
		m.seconds.Observe(took.Seconds())
	}
}

var (
	pendingDesc = prometheus.NewDesc("zvonar_outbox_pending", "Deliveries that are not done.", nil, nil)
	oldestDesc  = prometheus.NewDesc("zvonar_outbox_oldest_seconds", "Age of the oldest delivery that is not done; 0 if there is none.", nil, nil)
)

// backlog reads the two gauges from the store when Prometheus asks.
type backlog struct {
	store calls.Store
	clock clock.Clock
}

// Describe implements prometheus.Collector.
func (b *backlog) Describe(ch chan<- *prometheus.Desc) { ch <- pendingDesc; ch <- oldestDesc }

// Collect implements prometheus.Collector.
func (b *backlog) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := b.store.View(ctx, func(r calls.ReadTx) error {
		pending, oldest, err := r.Backlog()
		if err != nil {
			return err
		}
		age := 0.0
		if pending > 0 && !oldest.IsZero() {
			age = max(0, b.clock.Now().Sub(oldest).Seconds())
		}
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(pending))
		ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age)
		return nil
	})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(pendingDesc, err)
	}
}
