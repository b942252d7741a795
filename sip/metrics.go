package sip

import (
	"slices"
	"strconv"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the collectors of a user agent. Labels come from bounded sets:
// known methods, status codes 100–699, configured trunks.
type metrics struct {
	requests  *prometheus.CounterVec
	responses *prometheus.CounterVec
	dropped   *prometheus.CounterVec
	panics    prometheus.Counter
	dialogs   prometheus.Gauge
	pdd       *prometheus.HistogramVec
	answer    *prometheus.HistogramVec
}

// The directions of a message, as label values.
const (
	in  = "in"
	out = "out"
)

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	seconds := []float64{.05, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60, 120}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_requests_total",
			Help: "SIP requests, by method and direction (in, out)."}, []string{"method", "direction"}),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_responses_total",
			Help: "SIP responses, by method, status code and direction (in, out)."}, []string{"method", "code", "direction"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_sip_dropped_total",
			Help: "SIP datagrams and connections dropped without a reply, by reason."}, []string{"why"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "zvonar_sip_panics_total",
			Help: "Panics caught in SIP handlers; each is a bug."}),
		dialogs: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zvonar_sip_dialogs",
			Help: "SIP dialogs that are not over."}),
		pdd: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zvonar_sip_pdd_seconds",
			Help: "Time from INVITE to the first 18x.", Buckets: seconds}, []string{"trunk"}),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zvonar_sip_answer_seconds",
			Help: "Time from INVITE to the answer.", Buckets: seconds}, []string{"trunk"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.responses, m.dropped, m.panics, m.dialogs, m.pdd, m.answer} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// methods are the label values of method; the rest is "other".
var methods = []sipmsg.RequestMethod{sipmsg.INVITE, sipmsg.ACK, sipmsg.CANCEL, sipmsg.BYE, sipmsg.OPTIONS, sipmsg.INFO,
	sipmsg.UPDATE, sipmsg.PRACK, sipmsg.REGISTER, sipmsg.SUBSCRIBE, sipmsg.NOTIFY, sipmsg.REFER, sipmsg.MESSAGE, sipmsg.PUBLISH}

func methodLabel(m sipmsg.RequestMethod) string {
	if slices.Contains(methods, m) {
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

func (m *metrics) drop(why string) { m.dropped.WithLabelValues(why).Inc() }

func observe(h *prometheus.HistogramVec, trunk string, d time.Duration) {
	h.WithLabelValues(trunk).Observe(d.Seconds())
}
