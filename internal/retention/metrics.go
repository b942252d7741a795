package retention

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// metrics are the collectors of retention. A nil *metrics counts nothing.
type metrics struct{ removed *prometheus.CounterVec }

func newMetrics(reg prometheus.Registerer, store calls.Store, clk clock.Clock) *metrics {
	if reg == nil {
		return nil
	}
	m := &metrics{removed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_retention_removed_total",
		Help: "Rows that were removed because they were older than is kept, by table."}, []string{"table"})}
	reg.MustRegister(m.removed, &oldest{store: store, clock: clk, desc: prometheus.NewDesc("zvonar_retention_oldest_seconds",
		"Age of the oldest event of the log, and of the oldest finished call, by its end.", []string{"kind"}, nil)})
	return m
}

func (m *metrics) gone(rows map[string]int) {
	if m == nil {
		return
	}
	for table, n := range rows {
		m.removed.WithLabelValues(table).Add(float64(n))
	}
}

// oldest reads the ages when it is asked.
type oldest struct {
	store calls.Store
	clock clock.Clock
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (o *oldest) Describe(ch chan<- *prometheus.Desc) { ch <- o.desc }

// Collect implements prometheus.Collector. What cannot be read is left out.
func (o *oldest) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var event, call time.Time
	err := o.store.View(ctx, func(r calls.ReadTx) (err error) {
		event, call, err = r.OldestKept()
		return err
	})
	if err != nil {
		return
	}
	now := o.clock.Now()
	for kind, at := range map[string]time.Time{"event": event, "call": call} {
		age := 0.0
		if !at.IsZero() {
			age = now.Sub(at).Seconds()
		}
		ch <- prometheus.MustNewConstMetric(o.desc, prometheus.GaugeValue, age, kind)
	}
}
