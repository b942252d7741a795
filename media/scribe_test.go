package media

import (
	"slices"
	"testing"
	"time"
)

// clerk is a scribe that remembers.
type clerk struct {
	heard, said []int64 // where the packets were placed
	streams     []int
	words       int
	over        int
}

func (c *clerk) Heard(w Words) {
	c.heard, c.streams, c.words = append(c.heard, w.Position), append(c.streams, w.Stream), c.words+len(w.Words)
}
func (c *clerk) Said(w Words) { c.said = append(c.said, w.Position) }
func (c *clerk) Over()        { c.over++ }

func TestAScribeWritesDownBothWaysInTheirTime(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	f.answer()
	c := &clerk{}
	stop := f.port.Transcribe(c)
	f.stage.settle()
	for i := range 6 {
		if i == 3 { // a packet is lost
			f.seq++
			f.ts += 160
		}
		f.say(1)
		f.stage.run(20 * time.Millisecond)
	}
	f.ts += 20 * sampleRate // a leap: a new stream
	f.say(1)
	f.stage.run(20 * time.Millisecond)
	if want := []int64{0, 160, 320, 640, 800, 960, 0}; !slices.Equal(c.heard, want) || c.words != 7*160 {
		t.Errorf("%d words heard at %v, want %v", c.words, c.heard, want)
	}
	if c.streams[5] == c.streams[6] {
		t.Error("what leapt is of the same stream")
	}
	if len(c.said) < 6 || c.said[5]-c.said[0] != 5*160 {
		t.Errorf("said at %v", c.said)
	}
	heard := len(c.heard)
	stop()
	f.say(1)
	f.stage.run(20 * time.Millisecond)
	if c.over != 1 || len(c.heard) != heard {
		t.Errorf("over %d times, %d packets after that", c.over, len(c.heard)-heard)
	}
}

// TestAScribeIsLetGoOfInAnyCase has its port closed before, after and instead of stop,
// and another take its place.
func TestAScribeIsLetGoOfInAnyCase(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	f.answer()
	first, second, late := &clerk{}, &clerk{}, &clerk{}
	stop := f.port.Transcribe(first)
	f.port.Transcribe(second)
	f.stage.settle()
	stop()
	f.stage.settle()
	if first.over != 1 || second.over != 0 {
		t.Errorf("the first is over %d times, the second %d", first.over, second.over)
	}
	f.port.Close()
	f.stage.settle()
	f.port.Transcribe(late)
	f.stage.settle()
	stop()
	f.stage.settle()
	if first.over != 1 || second.over != 1 || late.over != 1 {
		t.Errorf("over %d, %d and %d times", first.over, second.over, late.over)
	}
}

// keeper is a scribe that keeps the words that last, as they are.
type keeper struct {
	clerk
	lasting [][]byte
	others  int // packets of ours whose words do not last
}

func (k *keeper) Said(w Words) {
	if !w.Lasting {
		k.others++
		return
	}
	k.lasting = append(k.lasting, w.Words)
}

func TestWordsOfAClipLast(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	f.answer()
	k, clip := &keeper{}, rampClip(10*160+80)
	f.port.Transcribe(k)
	f.port.Play(1, clip, false)
	f.stage.settle()
	f.stage.run(300 * time.Millisecond)
	words := clip.words[f.port.leg.codec.Index]
	if len(k.lasting) != 10 || k.others < 2 {
		t.Fatalf("%d packets last, %d do not: ten lie in the clip, its end and silence do not", len(k.lasting), k.others)
	}
	for i, b := range k.lasting {
		if &b[0] != &words[i*160] || len(b) != 160 || cap(b) < len(words)-i*160 {
			t.Errorf("packet %d is not what lies in the clip", i)
		}
	}
}
