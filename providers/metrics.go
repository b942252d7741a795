package providers

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
)

// Metrics count what providers were asked. All providers of a process share one.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewMetrics registers the collectors at reg, or finds them there; nil keeps
// them unregistered.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zvonar_provider_requests_total", Help: "Requests to place a call, by result: ok, refused, unknown.",
		}, []string{"provider", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "zvonar_provider_request_seconds", Help: "Time until a provider's answer was read.",
			Buckets: prometheus.ExponentialBuckets(0.02, 2.5, 8),
		}, []string{"provider"}),
	}
	if reg == nil {
		return m, nil
	}
	var err1, err2 error
	m.requests, err1 = register(reg, m.requests)
	m.seconds, err2 = register(reg, m.seconds)
	return m, errors.Join(err1, err2)
}

func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if have, ok := already.ExistingCollector.(C); ok {
			return have, nil
		}
	}
	return c, err
}

// Placed counts one request of the named provider.
func (m *Metrics) Placed(provider string, took time.Duration, err error) {
	result := "ok"
	var unknown *calls.PlaceUnknown
	switch {
	case errors.As(err, &unknown):
		result = "unknown"
	case err != nil:
		result = "refused"
	}
	m.requests.WithLabelValues(provider, result).Inc()
	m.seconds.WithLabelValues(provider).Observe(took.Seconds())
}
