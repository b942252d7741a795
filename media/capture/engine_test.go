package capture

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"zvonar/media"
	"zvonar/media/codec"
)

// within reports whether part, as the line carries it, is in pcm: packet by packet, in
// order. Between two there may be silence, for an engine that was held up leaves out
// the time which nobody could play any more.
func within(pcm, part []int16) bool {
	const packet = 160
	words, want := make([]byte, len(part)), make([]int16, len(part))
	codec.Encode(codec.PCMA, words, part)
	codec.Decode(codec.PCMA, want, words)
	for first := range pcm {
		if follows(pcm[first:], want, packet) {
			return true
		}
	}
	return false
}

// follows reports whether pcm begins with what is wanted.
func follows(pcm, want []int16, packet int) bool {
	for p := range slices.Chunk(want, packet) {
		for len(pcm) >= len(p) && !slices.Equal(pcm[:len(p)], p) {
			if pcm[0] != silence {
				return false
			}
			pcm = pcm[1:]
		}
		if len(pcm) < len(p) {
			return false
		}
		pcm = pcm[len(p):]
	}
	return true
}

func melody(n int, base float64) []int16 {
	pcm, phase := make([]int16, n), 0.0
	for i := range pcm {
		phase += 2 * math.Pi * (base + 170*float64(i/1200*7%9)) / Rate
		pcm[i] = int16(9000*math.Sin(phase)) | 1 // never silence
	}
	return pcm
}

// TestATalkThroughRealSocketsIsInItsCapture lets two ports play to each other and
// captures one of them.
func TestATalkThroughRealSocketsIsInItsCapture(t *testing.T) {
	t.Parallel()
	e, err := media.NewEngine(media.Config{IP: netip.MustParseAddr("127.0.0.1"), Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	s := open(t, t.TempDir())
	over := make(chan struct{}, 2)
	var ports [2]*media.Port
	for i := range ports {
		ports[i], err = e.Open(func(ev media.Event) {
			if ev.Kind == media.EventPlaybackFinished {
				over <- struct{}{}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	stop := ports[0].Transcribe(take)
	said := [2][]int16{melody(16000, 300), melody(12000, 800)}
	rest := make([]int16, 1600) // while the other port hears the last of it
	for i, p := range ports {
		p.Play(int64(i), media.NewClip(slices.Concat(said[i], rest)), false)
		p.Set(media.Session{Remote: ports[1-i].Addr(), Codec: codec.PCMA, PayloadType: 8, Ptime: 20 * time.Millisecond, Send: true, Receive: true})
	}
	<-over
	<-over
	stop()
	end(t, take)
	left, right, _ := read(t, s, "call_1")
	if !within(left, said[0]) || !within(right, said[1]) {
		t.Errorf("of %d frames, ours is whole: %v, theirs: %v", len(left), within(left, said[0]), within(right, said[1]))
	}
}
