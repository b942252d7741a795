package sip

import (
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"zvonar/sip/edge"
)

// metrics are the collectors of a user agent. Labels come from bounded sets:
// known methods, status codes 100–699, configured trunks.
type metrics struct {
	requests   *prometheus.CounterVec
	responses  *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	refused    *prometheus.CounterVec
	malformed  *prometheus.CounterVec
	large      prometheus.Counter
	conns      prometheus.Gauge
	buffers    *prometheus.GaugeVec
	missed     *prometheus.CounterVec
	reopened   *prometheus.CounterVec
	panics     prometheus.Counter
	log        *slog.Logger
	registry   prometheus.Registerer
	dialogs    prometheus.Gauge
	pdd        *prometheus.HistogramVec
	answer     *prometheus.HistogramVec
	up         *prometheus.GaugeVec
	passwords  *prometheus.CounterVec
	registered prometheus.Gauge
}

// The directions of a message, as label values.
const (
	in  = "in"
	out = "out"
)

func newMetrics(r prometheus.Registerer, log *slog.Logger) (*metrics, error) {
	seconds := []float64{.05, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60, 120}
	m := &metrics{log: log, registry: r,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_requests_total",
			Help: "SIP requests, by method and direction (in, out)."}, []string{"method", "direction"}),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_responses_total",
			Help: "SIP responses, by method, status code and direction (in, out)."}, []string{"method", "code", "direction"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_dropped_total",
			Help: "SIP datagrams and connections dropped without a reply, by reason."}, []string{"why"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_refused_total",
			Help: "INVITEs refused with 503, by the limit they passed."}, []string{"why"}),
		malformed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_malformed_total",
			Help: "SIP messages that cannot be read, by the trunk that sent them; empty: the far end of a call."}, []string{"trunk"}),
		large: prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_sip_large_messages_total",
			Help: "SIP messages of more than 1300 bytes that were sent over UDP."}),
		conns: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zvonar_sip_connections",
			Help: "SIP connections over TCP and TLS that are open."}),
		buffers: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "zvonar_sip_socket_buffer_bytes",
			Help: "What the kernel gave a UDP listener to buffer, by direction (in, out)."}, []string{"listener", "direction"}),
		missed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_selftest_missed_total",
			Help: "OPTIONS to ourselves that were not answered."}, []string{"listener"}),
		reopened: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_listener_reopened_total",
			Help: "Listeners that were opened anew because they did not answer."}, []string{"listener"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_sip_panics_total",
			Help: "Panics caught in SIP handlers; each is a bug."}),
		dialogs: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zvonar_sip_dialogs",
			Help: "SIP dialogs that are not over."}),
		pdd: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zvonar_sip_pdd_seconds",
			Help: "Time from INVITE to the first 18x.", Buckets: seconds}, []string{"trunk"}),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zvonar_sip_answer_seconds",
			Help: "Time from INVITE to the answer.", Buckets: seconds}, []string{"trunk"}),
		passwords: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_passwords_total",
			Help: "Passwords of requests from outside, by what they proved."}, []string{"result"}),
		registered: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zvonar_sip_registered_users",
			Help: "Users who are registered with us."}),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "zvonar_trunk_up",
			Help: "1 where a trunk can be used, 0 where it is down; absent while nothing has shown it."}, []string{"trunk"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.responses, m.dropped, m.refused, m.malformed, m.large, m.conns,
		m.buffers, m.missed, m.reopened, m.panics, m.dialogs, m.pdd, m.answer, m.up, m.passwords, m.registered} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// methodLabel is a known method; the rest is "other".
func methodLabel(m sipmsg.RequestMethod) string {
	if slices.Contains(edge.Methods, string(m)) {
		return string(m)
	}
	return "other"
}

func (m *metrics) request(method sipmsg.RequestMethod, direction string) {
	m.requests.WithLabelValues(methodLabel(method), direction).Inc()
}

func (m *metrics) response(res *sipmsg.Response, direction string) {
	method := sipmsg.RequestMethod("")
	if c := res.CSeq(); c != nil {
		method = c.MethodName
	}
	code := "other"
	if res.StatusCode >= 100 && res.StatusCode <= 699 {
		code = strconv.Itoa(res.StatusCode)
	}
	m.responses.WithLabelValues(methodLabel(method), code, direction).Inc()
}

// Drop implements edge.Counters.
func (m *metrics) Drop(why string) { m.dropped.WithLabelValues(why).Inc() }

// Answer implements edge.Counters.
func (m *metrics) Answer(method string, code int) {
	label := methodLabel(sipmsg.RequestMethod(method))
	m.requests.WithLabelValues(label, in).Inc()
	m.responses.WithLabelValues(label, strconv.Itoa(code), out).Inc()
}

// Malformed implements edge.Counters.
func (m *metrics) Malformed(trunk string) { m.malformed.WithLabelValues(trunk).Inc() }

// Refuse implements edge.Counters.
func (m *metrics) Refuse(why string) { m.refused.WithLabelValues(why).Inc() }

// Large implements edge.Counters.
func (m *metrics) Large() { m.large.Inc() }

// Connections implements edge.Counters.
func (m *metrics) Connections(more int) { m.conns.Add(float64(more)) }

// Panic implements edge.Counters.
func (m *metrics) Panic(v any, stack []byte) {
	m.panics.Inc()
	m.log.Error("sip: a handler panicked; this is a bug", "panic", v, "stack", string(stack))
}

// transactions registers the gauge of server transactions.
func (m *metrics) transactions(count func() int) error {
	if m.registry == nil {
		return nil
	}
	return m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_sip_transactions",
		Help: "SIP server transactions that are not over, and answers that are kept for repetitions."}, func() float64 { return float64(count()) }))
}

func (m *metrics) buffer(listener netip.AddrPort, b edge.Buffers) {
	m.buffers.WithLabelValues(listener.String(), in).Set(float64(b.Receive))
	m.buffers.WithLabelValues(listener.String(), out).Set(float64(b.Send))
}

func observe(h *prometheus.HistogramVec, trunk string, d time.Duration) {
	h.WithLabelValues(trunk).Observe(d.Seconds())
}
