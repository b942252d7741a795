package dialer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"zvonar/internal/calls"
)

// metrics of the dialer (docs/metrics.md). Labels: gates and states come from
// tables, trunks from the configuration.
type metrics struct {
	heldTotal *prometheus.CounterVec
	lag       prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, d *Dialer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry() // counted, but nobody looks
	}
	f := promauto.With(reg)
	reg.MustRegister(&census{d})
	return &metrics{
		heldTotal: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_dialer_held_total",
			Help: "Times a gate began to keep a call back."}, []string{"gate"}),
		lag: f.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_dialer_start_lag_seconds",
			Help: "How long after its due time a call was begun.", Buckets: []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 1800, 7200, 43200}}),
	}
}

func (m *metrics) held(g calls.Gate) { m.heldTotal.WithLabelValues(string(g)).Inc() }

func (m *metrics) began(lag time.Duration) { m.lag.Observe(max(0, lag.Seconds())) }

var (
	queueDesc = prometheus.NewDesc("zvonar_dialer_queue",
		"Calls in the queue: not due yet, ready, or held by a gate.", []string{"state"}, nil)
	lagDesc = prometheus.NewDesc("zvonar_dialer_due_lag_seconds",
		"How long the longest-due call that only waits for a trunk has been due.", nil, nil)
	channelsDesc = prometheus.NewDesc("zvonar_trunk_channels_in_use",
		"Channels of the trunk that are taken.", []string{"trunk"}, nil)
)

// census counts the queue whenever it is scraped.
type census struct{ d *Dialer }

// Describe implements prometheus.Collector.
func (c *census) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueDesc
	ch <- lagDesc
	ch <- channelsDesc
}

// Collect implements prometheus.Collector.
func (c *census) Collect(ch chan<- prometheus.Metric) {
	count, lag := c.d.count()
	for _, state := range []string{"waiting", "ready", "held"} {
		ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(count[state]), state)
	}
	ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, lag.Seconds())
	for _, t := range c.d.cfg.Trunks {
		ch <- prometheus.MustNewConstMetric(channelsDesc, prometheus.GaugeValue, float64(c.d.limits.InUse(t.Name)), t.Name)
	}
}

// count takes the numbers of the queue.
func (d *Dialer) count() (byState map[string]int, lag time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Clock.Now()
	byState = map[string]int{}
	for _, it := range d.queue.items {
		ready := it.in != d.queue.waiting
		switch {
		case it.hold != nil:
			byState["held"]++
		case ready:
			byState["ready"]++
		default:
			byState["waiting"]++
		}
		if ready {
			lag = max(lag, now.Sub(it.due))
		}
	}
	return byState, lag
}
