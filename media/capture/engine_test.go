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

// within reports whether part, as the line carries it, is in pcm.
func within(pcm, part []int16) bool {
	words, want := make([]byte, len(part)), make([]int16, len(part))
	codec.Encode(codec.PCMA, words, part)
	codec.Decode(codec.PCMA, want, words)
	for i := 0; i+len(want) <= len(pcm); i++ {
		if pcm[i] == want[0] && slices.Equal(pcm[i:i+len(want)], want) {
			return true
		}
	}
	return false
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
	for i, p := range ports {
		p.Play(int64(i), media.NewClip(said[i]), false)
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
