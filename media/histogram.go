package media

import "github.com/prometheus/client_golang/prometheus"

// bounds are the upper bounds of a histogram's buckets.
type bounds interface{ of() *[maxBuckets]float64 }

const maxBuckets = 8

type (
	latenessBounds struct{} // seconds
	jitterBounds   struct{} // seconds
	rttBounds      struct{} // seconds
	lostBounds     struct{} // ratio
	mosBounds      struct{} // 1 to 4.5
)

var (
	latenessTable = [maxBuckets]float64{.0005, .001, .002, .005, .01, .02, .05, .1}
	jitterTable   = [maxBuckets]float64{.001, .002, .005, .01, .02, .03, .05, .1}
	rttTable      = [maxBuckets]float64{.002, .01, .025, .05, .1, .2, .4, 1}
	lostTable     = [maxBuckets]float64{0, .001, .005, .01, .02, .05, .1, .2}
	mosTable      = [maxBuckets]float64{2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4}
)

func (latenessBounds) of() *[maxBuckets]float64 { return &latenessTable }
func (jitterBounds) of() *[maxBuckets]float64   { return &jitterTable }
func (rttBounds) of() *[maxBuckets]float64      { return &rttTable }
func (lostBounds) of() *[maxBuckets]float64     { return &lostTable }
func (mosBounds) of() *[maxBuckets]float64      { return &mosTable }

// histogram counts by plain numbers of one shard; prometheus' own would cost an
// atomic operation a packet.
type histogram[B bounds] struct {
	buckets [maxBuckets]uint64 // not cumulative; what is beyond the last is only in count
	count   uint64
	sum     float64
}

// observe counts v; less than nothing (a frame sent early) is nothing.
func (h *histogram[B]) observe(v float64) {
	var b B
	v = max(v, 0)
	h.count++
	h.sum += v
	for i, bound := range b.of() {
		if v <= bound {
			h.buckets[i]++
			return
		}
	}
}

func (h *histogram[B]) add(o *histogram[B]) {
	h.count += o.count
	h.sum += o.sum
	for i := range h.buckets {
		h.buckets[i] += o.buckets[i]
	}
}

func (h *histogram[B]) metric(d *prometheus.Desc) prometheus.Metric {
	var b B
	buckets, n := make(map[float64]uint64, maxBuckets), uint64(0)
	for i, bound := range b.of() {
		n += h.buckets[i]
		buckets[bound] = n
	}
	return prometheus.MustNewConstHistogram(d, h.count, h.sum, buckets)
}
