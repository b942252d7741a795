package trace

import "github.com/prometheus/client_golang/prometheus"

// metrics are what a Recorder counts.
type metrics struct {
	messages, dropped, lostCopies prometheus.Counter
	bytes                         prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		messages:   counter("zvonar_trace_messages_total", "SIP messages taken into the trace."),
		dropped:    counter("zvonar_trace_dropped_total", "SIP messages that the trace could not keep up with or the disk refused."),
		lostCopies: counter("zvonar_trace_hep_errors_total", "Copies of SIP messages that could not be sent to the HEP collector."),
		bytes:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "zvonar_trace_bytes", Help: "Size of the trace on disk."}),
	}
	if reg != nil {
		reg.MustRegister(m.messages, m.dropped, m.lostCopies, m.bytes)
	}
	return m
}
