package recordings

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
)

type metrics struct {
	uploads   *prometheus.CounterVec
	decisions *prometheus.CounterVec
	seconds   prometheus.Histogram
	removed   prometheus.Counter
	spoken    *prometheus.CounterVec
}

// newMetrics registers the collectors of the room; a nil registerer keeps them
// to ourselves.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		uploads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zvonar_recordings_uploads_total", Help: "Uploads by result: ok, or the code of the problem.",
		}, []string{"result"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zvonar_recordings_decisions_total", Help: "Moderation decisions taken.",
		}, []string{"decision"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "zvonar_recordings_ingest_seconds", Help: "Time from the start of an upload to its durable row.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 8),
		}),
		removed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zvonar_recordings_removed_bytes_total", Help: "Bytes of clips removed because no recording has them any more.",
		}),
	}
	m.spoken = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zvonar_recordings_spoken_total", Help: "Texts read aloud for single calls: ok, unfit (too short, key tones), failed (the engine).",
	}, []string{"result"})
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.uploads), reg.Register(m.decisions), reg.Register(m.seconds), reg.Register(m.removed), reg.Register(m.spoken))
}

func (m *metrics) uploaded(err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = string(calls.CodeOf(err))
	}
	m.uploads.WithLabelValues(result).Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) decided(name string, err error) {
	if err == nil {
		m.decisions.WithLabelValues(name).Inc()
	}
}

func (m *metrics) collected(c Collected) { m.removed.Add(float64(c.Bytes)) }

func (m *metrics) rendered(result string) { m.spoken.WithLabelValues(result).Inc() }
