package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the collectors of the store. A nil *metrics counts nothing.
type metrics struct {
	reg    prometheus.Registerer
	all    []prometheus.Collector
	commit prometheus.Histogram
	size   prometheus.Histogram
	units  *prometheus.CounterVec
	failed prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Store) *metrics {
	if reg == nil {
		return nil
	}
	m := &metrics{
		reg: reg,
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_store_commit_seconds",
			Help:    "Time from the start of a batch of units of work to its durable end.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 15)}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_store_batch_units",
			Help: "Units of work that shared one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 9)}),
		units: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_store_units_total",
			Help: "Units of work by result."}, []string{"result"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_store_commit_failures_total",
			Help: "Batches that could not be committed."}),
	}
	m.all = []prometheus.Collector{m.commit, m.size, m.units, m.failed,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_store_queue_length",
			Help: "Units of work waiting for the writer."}, func() float64 { return float64(s.queue.len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_store_failing",
			Help: "1 while the store refuses new calls: it cannot write, is slow, or has no reserve on the disk."}, func() float64 {
			return float64(flag(s.Failing() != nil))
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_store_problems",
			Help: "Problems that the check after an unclean stop has found; zvonar check-store tells more."}, func() float64 {
			return float64(s.Problems())
		})}
	reg.MustRegister(m.all...)
	return m
}

func (m *metrics) unregister() {
	if m == nil {
		return
	}
	for _, c := range m.all {
		m.reg.Unregister(c)
	}
}

func (m *metrics) batch(units int, took time.Duration, err error) {
	if m == nil {
		return
	}
	m.size.Observe(float64(units))
	m.commit.Observe(took.Seconds())
	if err != nil {
		m.failed.Inc()
	}
}

func (m *metrics) unit(err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.units.WithLabelValues(result).Inc()
}
