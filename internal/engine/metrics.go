package engine

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"zvonar/internal/calls"
)

// metrics of the engine (docs/metrics.md). Labels are bounded: trunks come from
// the configuration, the rest from tables.
type metrics struct {
	startedTotal   *prometheus.CounterVec
	completedTotal *prometheus.CounterVec
	talkSeconds    *prometheus.CounterVec
	answered       *prometheus.CounterVec
	attempts       *prometheus.CounterVec
	firstAudio     prometheus.Histogram
	actions        *prometheus.CounterVec
	digits         *prometheus.CounterVec
	verdicts       *prometheus.CounterVec
	verdictAfter   prometheus.Histogram
	unrouted       prometheus.Counter
	routed         *prometheus.CounterVec
	reports        *prometheus.CounterVec
	panics         prometheus.Counter
	stuck          prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, e *Engine) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry() // counted, but nobody looks
	}
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "zvonar_calls_active", Help: "Calls that have a running session."},
		func() float64 { return float64(e.Active()) })
	return &metrics{
		startedTotal: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_calls_started_total",
			Help: "Calls accepted (out) or arrived (in)."}, []string{"direction"}),
		completedTotal: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_calls_completed_total",
			Help: "Calls that ended, by outcome."}, []string{"trunk", "direction", "outcome"}),
		answered: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_calls_answered_total",
			Help: "Calls that were answered: numerator of ASR, denominator of ACD."}, []string{"trunk", "direction"}),
		attempts: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_attempts_total",
			Help: "Attempts to reach callees, by what the network made of each."}, []string{"trunk", "outcome", "reason"}),
		talkSeconds: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_calls_talk_seconds_total",
			Help: "Seconds from answer to end: numerator of ACD."}, []string{"trunk", "direction"}),
		firstAudio: f.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_first_audio_after_answer_seconds",
			Help: "Answer to the first frame of the clip.", Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .5, 1, 5}}),
		actions: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_actions_total",
			Help: "Actions that digits started."}, []string{"action", "result"}),
		digits: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_digits_total",
			Help: "Digits heard, by the way they came."}, []string{"via"}),
		verdicts: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_amd_verdicts_total",
			Help: "Who answered, as judged by the sound."}, []string{"verdict", "revised"}),
		verdictAfter: f.NewHistogram(prometheus.HistogramOpts{Name: "zvonar_amd_verdict_seconds",
			Help: "Onset of speech to the first verdict.", Buckets: []float64{.5, .75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6}}),
		reports: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_provider_reports_total",
			Help: "What providers told of calls that they placed."}, []string{"provider", "state"}),
		unrouted: f.NewCounter(prometheus.CounterOpts{Name: "zvonar_calls_unrouted_total",
			Help: "Inbound calls for numbers that nobody configured."}),
		routed: f.NewCounterVec(prometheus.CounterOpts{Name: "zvonar_router_lookups_total",
			Help: "Callers looked up in an outside system, by result."}, []string{"router", "result"}),
		stuck: f.NewCounter(prometheus.CounterOpts{Name: "zvonar_engine_stuck_total",
			Help: "Calls that the watchdog found with nobody running them, or that outlived their limits."}),
		panics: f.NewCounter(prometheus.CounterOpts{Name: "zvonar_engine_panics_total",
			Help: "Steps of calls that panicked; each ended its call as lost."}),
	}
}

func (m *metrics) started(c *calls.Call) { m.startedTotal.WithLabelValues(string(c.Direction)).Inc() }

func (m *metrics) completed(c *calls.Call) {
	m.completedTotal.WithLabelValues(c.Trunk, string(c.Direction), string(c.Outcome)).Inc()
	if c.AnsweredAt != nil {
		m.answered.WithLabelValues(c.Trunk, string(c.Direction)).Inc()
	}
	// How long a lost call talked is not known: it ended when its end was found.
	if c.AnsweredAt != nil && c.Outcome != calls.OutcomeLost {
		m.talkSeconds.WithLabelValues(c.Trunk, string(c.Direction)).Add(float64(c.TalkMS) / 1000)
	}
}

func (m *metrics) attempted(trunk string, r calls.Result) {
	m.attempts.WithLabelValues(trunk, string(r.Outcome), string(r.Reason)).Inc()
}

func (m *metrics) firstPlayback(c *calls.Call, at time.Time, playID int64) {
	if playID == 1 && c.AnsweredAt != nil {
		m.firstAudio.Observe(max(0, at.Sub(*c.AnsweredAt).Seconds()))
	}
}

func (m *metrics) action(kind calls.ActionKind, ok bool) {
	m.actions.WithLabelValues(string(kind), map[bool]string{true: "ok", false: "failed"}[ok]).Inc()
}

// report counts what a provider told; a state is one of the published few.
func (m *metrics) report(provider string, state calls.ReportState) {
	m.reports.WithLabelValues(provider, string(state)).Inc()
}

func (m *metrics) digit(via string) { m.digits.WithLabelValues(via).Inc() }

func (m *metrics) verdict(j calls.Judged) {
	revised := j.Kind == calls.JudgedRevised
	m.verdicts.WithLabelValues(string(j.Verdict), strconv.FormatBool(revised)).Inc()
	if !revised && j.FromOnsetMS != nil {
		m.verdictAfter.Observe(float64(*j.FromOnsetMS) / 1000)
	}
}
