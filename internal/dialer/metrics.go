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
	trips     *prometheus.CounterVec
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
		trips: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_dialer_trips_total",
			Help: "Times a trunk was left alone, or a campaign paused, because its attempts failed."}, []string{"what"}),
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
	for _, t := range *c.d.trunks.Load() {
		ch <- prometheus.MustNewConstMetric(channelsDesc, prometheus.GaugeValue, float64(c.d.limits.InUse(t.Name)), t.Name)
	}
}

// count takes the numbers of the queue. The lag is that of the calls that are next.
func (d *Dialer) count() (byState map[string]int, lag time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, q := d.cfg.Clock.Now(), d.queue
	held := q.held[waiting] + q.held[ready]
	inWaiting := len(q.waiting.list)
	byState = map[string]int{"held": held, "waiting": inWaiting - q.held[waiting], "ready": q.len() - inWaiting - q.held[ready]}
	for _, l := range q.lanes {
		for _, share := range l.shares {
			lag = max(lag, now.Sub(timeOf(q.slab.at(share.head()).due)))
		}
	}
	return byState, lag
}
