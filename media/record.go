package media

import (
	"sync/atomic"
	"time"

	"zvonar/media/codec"
)

// Recorder holds received audio: 8 kHz mono, from the first packet heard, each
// packet at its place by RTP timestamp, what did not arrive as silence. The
// shard writes without a lock; what may still be changed by a late packet (the
// last 100 ms) is published later, at the latest when the port is closed.
type Recorder struct {
	chunks    []atomic.Pointer[[chunkSamples]int16]
	published atomic.Int64 // samples that no longer change

	// Of the shard alone:
	max     int64
	head    int64 // one past the last sample written
	begun   bool
	base    uint32 // timestamp of sample origin
	origin  int64
	started time.Duration // when the first packet came
	heardAt time.Duration
	decoder codec.Decoder
	pcm     [maxPayload]int16
}

const (
	chunkSamples = 8 * sampleRate
	// settle is how far back a late packet may still be put in its place.
	settle = sampleRate / 10
	// wander is how much a timestamp may leave the clock on the wall before the
	// stream is taken for a new one.
	wander = 2 * sampleRate
)

func newRecorder(limit time.Duration) *Recorder {
	const longest = 24 * time.Hour
	limit = max(0, min(limit, longest))
	samples := int64(limit/time.Millisecond) * sampleRate / 1000
	return &Recorder{
		chunks: make([]atomic.Pointer[[chunkSamples]int16], (samples+chunkSamples-1)/chunkSamples),
		max:    samples,
	}
}

// PCM returns a copy of what was heard so far: 8 kHz mono samples.
func (r *Recorder) PCM() []int16 {
	n := r.published.Load()
	pcm := make([]int16, n)
	for i := range r.chunks {
		from := int64(i) * chunkSamples
		if from >= n {
			break
		}
		if c := r.chunks[i].Load(); c != nil {
			copy(pcm[from:], c[:])
		}
	}
	return pcm
}

// write puts the samples of one packet where its timestamp says; restarted is the
// first packet of a new stream.
func (r *Recorder) write(timestamp uint32, restarted bool, index int, payload []byte, now time.Duration) {
	wall := int64((now - r.started) / (time.Second / sampleRate))
	switch {
	case !r.begun:
		r.begun, r.started, r.base, r.origin = true, now, timestamp, 0
	case restarted || r.strays(timestamp, wall):
		r.base, r.origin = timestamp, max(r.head, wall)
	}
	r.heardAt = now
	pcm := r.pcm[:r.decoder.Decode(index, r.pcm[:], payload)]
	at := r.origin + int64(int32(timestamp-r.base))
	if at < r.published.Load() || at+int64(len(payload)) > r.max {
		return
	}
	for p := at; len(pcm) > 0; {
		n := copy(r.chunk(int(p / chunkSamples))[p%chunkSamples:], pcm)
		p, pcm = p+int64(n), pcm[n:]
	}
	r.head = max(r.head, at+int64(len(payload)))
	r.publish(r.head - settle)
}

// strays tells that the timestamp cannot belong to the stream so far.
func (r *Recorder) strays(timestamp uint32, wall int64) bool {
	at := r.origin + int64(int32(timestamp-r.base))
	return at > max(wall, r.head)+wander || at < r.head-wander
}

// flush publishes everything: nothing came for a while, or the port closes.
func (r *Recorder) flush() { r.publish(r.head) }

// idle publishes the tail once the far end has paused.
func (r *Recorder) idle(now time.Duration) {
	if r.begun && now-r.heardAt > 100*time.Millisecond {
		r.flush()
	}
}

func (r *Recorder) publish(n int64) {
	if n > r.published.Load() {
		r.published.Store(n)
	}
}

func (r *Recorder) chunk(i int) *[chunkSamples]int16 {
	c := r.chunks[i].Load()
	if c == nil {
		c = new([chunkSamples]int16)
		r.chunks[i].Store(c)
	}
	return c
}
