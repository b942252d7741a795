package media

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
)

// dropKind is why a packet was not used or not sent.
type dropKind int

const (
	dropNot         dropKind = iota
	dropUnset                // before the session was known
	dropHold                 // while the session does not receive
	dropMalformed            // no RTP
	dropRTCP                 // RTCP of a stranger, or that cannot be read
	dropPayloadType          // not negotiated
	dropSource               // from a stranger
	dropSSRC                 // too many changes of the source
	dropLate                 // too late or too many for a bridge
	dropDigits               // digits beyond what a finger can do
	dropAnalysis             // too late or too many for the analysers
	dropNoTarget             // nowhere to send to
	dropKeys                 // SRTP that is forged, repeated, or under other keys
	dropSend                 // the system did not take it
	dropKinds
)

var dropNames = [dropKinds]string{
	dropUnset: "no_session", dropHold: "on_hold", dropMalformed: "malformed", dropRTCP: "rtcp",
	dropPayloadType: "payload_type", dropSource: "source", dropSSRC: "ssrc", dropLate: "late",
	dropDigits: "digits", dropAnalysis: "analysis", dropNoTarget: "no_target", dropKeys: "keys", dropSend: "send",
}

// counters are plain numbers of one shard.
type counters struct {
	received, sent      uint64
	digitsIn, digitsOut uint64
	tonesOut            uint64
	firstAudio          uint64
	reportsIn           uint64
	reportsOut          uint64
	timeouts            [3]uint64 // by silences
	lateTicks           uint64
	reanchors           uint64
	gapsLeft, gapsMade  uint64
	busy                time.Duration
	drops               [dropKinds]uint64
	lateness            histogram[latenessBounds]
	jitter              histogram[jitterBounds]
	rtt                 histogram[rttBounds]
	lost                histogram[lostBounds]
	mos                 histogram[mosBounds]
}

func (c *counters) add(o *counters) {
	c.received += o.received
	c.sent += o.sent
	c.digitsIn += o.digitsIn
	c.digitsOut += o.digitsOut
	c.tonesOut += o.tonesOut
	c.firstAudio += o.firstAudio
	c.reportsIn += o.reportsIn
	c.reportsOut += o.reportsOut
	for i := range c.timeouts {
		c.timeouts[i] += o.timeouts[i]
	}
	c.lateTicks += o.lateTicks
	c.reanchors += o.reanchors
	c.gapsLeft += o.gapsLeft
	c.gapsMade += o.gapsMade
	c.busy += o.busy
	for i := range c.drops {
		c.drops[i] += o.drops[i]
	}
	c.lateness.add(&o.lateness)
	c.jitter.add(&o.jitter)
	c.rtt.add(&o.rtt)
	c.lost.add(&o.lost)
	c.mos.add(&o.mos)
}

// quality counts what a leg that ended was heard like.
func (c *counters) quality(f *calls.LegFacts) {
	if f.RX == 0 {
		return
	}
	c.jitter.observe(f.JitterMS / 1000)
	c.lost.observe(float64(f.Lost) / float64(f.RX+f.Lost))
	c.mos.observe(f.MOS)
}

// silences are the kinds of dead air, in the order of counters.timeouts.
var silences = [3]calls.Silence{calls.SilenceNever, calls.SilenceLost, calls.SilenceHeld}

func silenceIndex(s calls.Silence) int { return max(0, slices.Index(silences[:], s)) }

// collector shows the shards' numbers to Prometheus.
type collector struct {
	engine                                  *Engine
	inUse, limit, strained                  *prometheus.Desc
	packets, drops, digits                  *prometheus.Desc
	firstAudio, timeouts, ticks, reanchors  *prometheus.Desc
	lateness, jitter, lost, mos, rtt        *prometheus.Desc
	gaps, reports, unreported, busy, panics *prometheus.Desc
}

func (e *Engine) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("zvonar_media_"+name, help, labels, nil)
	}
	c := &collector{
		engine:     e,
		inUse:      desc("ports_in_use", "RTP ports that are open."),
		limit:      desc("ports_limit", "RTP ports that may be open at once."),
		strained:   desc("strained", "Shards whose beats come late, so that they take no further legs."),
		packets:    desc("packets_total", "RTP packets used (rx) and sent (tx).", "direction"),
		drops:      desc("drops_total", "Packets and digits that were dropped, by the reason.", "kind"),
		digits:     desc("digits_total", "Digits received (rx) and sent (tx) by way.", "direction", "via"),
		firstAudio: desc("first_audio_total", "Legs on which the far end's RTP was heard."),
		timeouts:   desc("timeouts_total", "Times a far end was silent for longer than its time-out: it never spoke, fell silent, held the call.", "silence"),
		ticks:      desc("late_ticks_total", "Beats of a shard that came more than 5 ms late."),
		reanchors:  desc("reanchors_total", "Times a stream was set on because frames could not be sent in time."),
		gaps:       desc("gaps_total", "Frames of a bridge that did not come in time: left to the far end to conceal, or concealed here.", "kind"),
		panics:     desc("analyser_panics_total", "Times something that listens to a call (answering machines, digits in the audio) panicked and was taken off it."),
		busy:       desc("busy_seconds_total", "Time that the shards spent on their beats."),
		lateness:   desc("tx_lateness_seconds", "How long after its time a packet was sent."),
		jitter:     desc("jitter_seconds", "Interarrival jitter of a leg at its end (RFC 3550)."),
		lost:       desc("lost_ratio", "Share of the far end's packets that did not arrive, of a leg at its end."),
		rtt:        desc("rtt_seconds", "Round trips to far ends, by their RTCP reports."),
		reports:    desc("reports_total", "RTCP reports received (rx) and sent (tx).", "direction"),
		unreported: desc("unreported_total", "Legs without RTCP of their own because the port behind theirs was taken."),
		mos:        desc("mos", "Estimated opinion score (ITU-T G.107) of what was heard on a leg, at its end."),
	}
	if err := r.Register(c); err != nil {
		return fmt.Errorf("register media metrics: %w", err)
	}
	return nil
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.inUse, c.limit, c.strained, c.packets, c.drops, c.digits, c.firstAudio, c.timeouts, c.ticks, c.reanchors, c.gaps,
		c.lateness, c.jitter, c.lost, c.mos, c.rtt, c.reports, c.unreported, c.busy, c.panics} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	e := c.engine
	e.mu.Lock()
	open, shards := e.open, e.shards
	e.mu.Unlock()
	var sum counters
	strained := 0
	for _, s := range shards {
		if s.strained.Load() {
			strained++
		}
		n := s.box.snapshot()
		sum.add(&n)
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	ch <- prometheus.MustNewConstMetric(c.inUse, prometheus.GaugeValue, float64(open))
	ch <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, float64(e.limit))
	ch <- prometheus.MustNewConstMetric(c.strained, prometheus.GaugeValue, float64(strained))
	count(c.packets, sum.received, "rx")
	count(c.packets, sum.sent, "tx")
	for kind := dropNot + 1; kind < dropKinds; kind++ {
		count(c.drops, sum.drops[kind], dropNames[kind])
	}
	count(c.digits, sum.digitsIn, "rx", viaRFC4733)
	count(c.digits, e.inband.Load(), "rx", viaInband)
	count(c.digits, sum.digitsOut, "tx", viaRFC4733)
	count(c.digits, sum.tonesOut, "tx", viaInband)
	count(c.firstAudio, sum.firstAudio)
	for i, s := range silences {
		count(c.timeouts, sum.timeouts[i], string(s))
	}
	count(c.reports, sum.reportsIn, "rx")
	count(c.reports, sum.reportsOut, "tx")
	count(c.unreported, e.unreported.Load())
	count(c.panics, e.analyserPanics.Load())
	count(c.ticks, sum.lateTicks)
	count(c.reanchors, sum.reanchors)
	count(c.gaps, sum.gapsLeft, "left")
	count(c.gaps, sum.gapsMade, "concealed")
	ch <- prometheus.MustNewConstMetric(c.busy, prometheus.CounterValue, sum.busy.Seconds())
	ch <- sum.lateness.metric(c.lateness)
	ch <- sum.jitter.metric(c.jitter)
	ch <- sum.rtt.metric(c.rtt)
	ch <- sum.lost.metric(c.lost)
	ch <- sum.mos.metric(c.mos)
}
