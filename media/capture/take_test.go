package capture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zvonar/media"
	"zvonar/media/codec"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// What the two sides say survives A-law; silence is the least value of A-law.
const (
	sayOurs, sayTheirs = 104, 200
	silence            = 8
)

// speaker puts packets of 20 ms of one side on a take.
type speaker struct {
	write    func(media.Words)
	words    []byte
	codec    codec.ID
	stream   int
	position int64
}

func says(write func(media.Words), id codec.ID, value int16) *speaker {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = value
	}
	words := make([]byte, 160)
	codec.Encode(id, words, pcm)
	return &speaker{write: write, words: words, codec: id}
}

// fresh begins a stream.
func (s *speaker) fresh() { s.stream, s.position = s.stream+1, 0 }

func (s *speaker) say(at time.Time) {
	s.write(media.Words{Words: s.words, Codec: indexOf(s.codec), At: at, Stream: s.stream, Position: s.position})
	s.position += 160
}

// read gives the two channels of a capture.
func read(t *testing.T, s *Store, call string) (left, right []int16, raw []byte) {
	t.Helper()
	f, err := s.Read(call)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if raw, err = io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	l, ok := layoutIn(bytes.NewReader(raw))
	if !ok || int64(len(raw)) < l.header || !bytes.Equal(raw[:l.header], l.headerOf((int64(len(raw))-l.header)/l.frame())) {
		t.Fatalf("the header is not of a file of %d bytes: % x", len(raw), raw[:min(len(raw), 60)])
	}
	for b := raw[l.header:]; len(b) > 0; b = b[l.frame():] {
		left, right = append(left, sampleOf(l, b)), append(right, sampleOf(l, b[l.sample:]))
	}
	return left, right, raw
}

func sampleOf(l layout, b []byte) int16 {
	if l.sample == 2 {
		return int16(binary.LittleEndian.Uint16(b))
	}
	return codec.DecodeTable(l.codec)[b[0]]
}

// end ends a take that its port lets go of.
func end(t *testing.T, take *Take) Result {
	t.Helper()
	done := make(chan Result, 1)
	take.End(func(r Result, err error) {
		if err != nil {
			t.Error(err)
		}
		done <- r
	})
	take.End(func(Result, error) { t.Error("ended twice") })
	return <-done
}

// leave ends a take whose port lets go of it now.
func leave(t *testing.T, take *Take) Result {
	t.Helper()
	take.Over()
	return end(t, take)
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// talk says seconds of sound both ways.
func talk(take *Take, from time.Time, seconds int) {
	we, they := says(take.Said, codec.PCMA, sayOurs), says(take.Heard, codec.PCMA, sayTheirs)
	for i := range seconds * 50 {
		at := from.Add(time.Duration(i) * 20 * time.Millisecond)
		we.say(at)
		they.say(at)
	}
}

func TestATalkHasUsOnTheLeftAndThemOnTheRight(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin("call_1"); err == nil {
		t.Error("two captures of one call")
	}
	talk(take, noon, 3)
	r := leave(t, take)
	left, right, raw := read(t, s, "call_1")
	sum := sha256.Sum256(raw)
	if r.Duration != 3*time.Second || r.SHA256 != hex.EncodeToString(sum[:]) || len(left) != 24000 {
		t.Errorf("%+v for %d frames", r, len(left))
	}
	for i := range left {
		if left[i] != sayOurs || right[i] != sayTheirs {
			t.Fatalf("frame %d: %d and %d", i, left[i], right[i])
		}
	}
	// Once more in the same call: it goes on behind.
	if take, err = s.Begin("call_1"); err != nil {
		t.Fatal(err)
	}
	talk(take, noon.Add(time.Minute), 1)
	if r := leave(t, take); r.Duration != 4*time.Second {
		t.Errorf("%+v", r)
	}
	if left, right, _ := read(t, s, "call_1"); len(left) != 32000 || left[31999] != sayOurs || right[24000] != sayTheirs {
		t.Errorf("%d frames", len(left))
	}
}

func TestEachSideIsWhereItWasHeard(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	// We speak from the start; they a second later, with a lost packet, a pause of
	// their own and a stream that begins anew.
	we, they := says(take.Said, codec.PCMA, sayOurs), says(take.Heard, codec.PCMA, sayTheirs)
	for i := range 500 {
		at := noon.Add(time.Duration(i) * 20 * time.Millisecond)
		we.say(at)
		switch {
		case i < 50, i >= 250 && i < 400:
		case i == 100, i >= 150 && i < 200:
			they.position += 160
		case i == 400:
			they.fresh()
			they.say(at)
		default:
			they.say(at)
		}
	}
	leave(t, take)
	left, right, _ := read(t, s, "call_1")
	if len(left) != 80000 {
		t.Fatalf("%d frames", len(left))
	}
	for i := range left {
		packet, want := i/160, int16(sayTheirs)
		if packet < 50 || packet == 100 || packet >= 150 && packet < 200 || packet >= 250 && packet < 400 {
			want = silence
		}
		if left[i] != sayOurs || right[i] != want {
			t.Fatalf("frame %d of packet %d: %d and %d, want %d", i, packet, left[i], right[i], want)
		}
	}
}

func TestALeapOfTheFarEndMakesNoLongFile(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	they := says(take.Heard, codec.PCMA, sayTheirs)
	for i := range 200 {
		they.say(noon.Add(time.Duration(i) * 20 * time.Millisecond))
		they.position += 9 * 8000
	}
	if r := leave(t, take); r.Duration > 40*time.Second {
		t.Errorf("4 s became %v", r.Duration)
	}
}

func TestWhatWasWrittenIsWholeAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	talk(take, noon, 5)             // the last second is on a tape
	flushed, _ := s.Begin("call_2") // its end comes behind what call_1 wrote
	leave(t, flushed)
	// As a crash leaves it: some bytes behind what the header counts.
	left, _, raw := read(t, s, "call_1")
	if lost := 5*Rate - len(left); lost > stripWords+page/2 || len(raw)%page != 0 {
		t.Fatalf("%d frames in %d bytes while it runs", len(left), len(raw))
	}
	other := t.TempDir()
	for name, b := range map[string][]byte{"call_1.wav.open": append(raw, make([]byte, 4002)...), "call_2.wav": raw} {
		if err := os.WriteFile(filepath.Join(other, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, other)
	told := map[string]Result{}
	for range 2 {
		if err := again.Recover(func(call string, r Result) { told[call] = r }); err != nil {
			t.Fatal(err)
		}
	}
	if r := told["call_1"]; len(told) != 1 || r.Duration < 3*time.Second || r.SHA256 == "" {
		t.Errorf("recovered %+v", told)
	}
	if l, r, _ := read(t, again, "call_1"); l[100] != sayOurs || r[100] != sayTheirs {
		t.Error("the sound is not there")
	}
	leave(t, take)
}

func TestOldCapturesGoAndRunningOnesStay(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, call := range []string{"call_running", "call_old", "call_new"} {
		take, err := s.Begin(call)
		if err != nil {
			t.Fatal(err)
		}
		talk(take, noon, 4)
		if call != "call_running" {
			leave(t, take)
		} else {
			t.Cleanup(func() { leave(t, take) })
		}
	}
	for call, behind := range map[string]string{"call_old": "", "call_running": openSuffix} {
		path, _ := s.path(call)
		if err := os.Chtimes(path+behind, noon, noon); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Expire(noon.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d went: %v", n, err)
	}
	if _, err := s.Read("call_old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old one is there: %v", err)
	}
	if shelves, err := os.ReadDir(s.dir); len(shelves) != 2 {
		t.Errorf("%v are left, %v; the shelf of the old one is empty", shelves, err)
	}
	for _, bad := range []string{"", "../x", "a/b", "a.wav"} {
		if _, err := s.Begin(bad); err == nil {
			t.Errorf("%q is an id", bad)
		}
		if _, err := s.Read(bad); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q can be read: %v", bad, err)
		}
	}
}

// TestATalkOfTwoCodecsIsWrittenInOne has our side speak mu-law and theirs G.722 in a
// file that began with A-law.
func TestATalkOfTwoCodecsIsWrittenInOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		linear            bool
		ours, theirs      codec.ID
		tag               uint16
		wantOurs, silence int16
	}{
		{false, codec.PCMA, codec.G722, 6, sayOurs, silence},
		{false, codec.PCMU, codec.PCMA, 7, sayOurs, 0},
		{false, codec.G722, codec.PCMA, 1, 0, 0},
		{true, codec.PCMA, codec.PCMU, 1, sayOurs, 0},
	} {
		s := open(t, t.TempDir())
		s.linear = c.linear
		take, err := s.Begin("call_1")
		if err != nil {
			t.Fatal(err)
		}
		we, they := says(take.Said, c.ours, sayOurs), says(take.Heard, c.theirs, sayTheirs)
		for i := range 150 {
			at := noon.Add(time.Duration(i) * 20 * time.Millisecond)
			we.say(at)
			if i >= 50 {
				they.say(at)
			}
		}
		if r := leave(t, take); r.Duration != 3*time.Second {
			t.Errorf("%+v: %v", c, r.Duration)
		}
		left, right, raw := read(t, s, "call_1")
		if tag := binary.LittleEndian.Uint16(raw[20:]); tag != c.tag || right[100] != c.silence || c.wantOurs != 0 && left[9000] != c.wantOurs || right[16000] < 100 {
			t.Errorf("%+v: format %d, ours %d, theirs %d after %d", c, tag, left[9000], right[16000], right[100])
		}
	}
}

// TestEveryWordIsAtItsPlaceHoweverItCame has both sides say packets of all lengths, of
// a clip or in memory that is used again, with gaps between some, and takes that go on
// where others ended.
func TestEveryWordIsAtItsPlaceHoweverItCame(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	random := rand.New(rand.NewPCG(6, 116))
	clip := make([]byte, 60*Rate)
	for i := range clip {
		clip[i] = byte(random.Uint32())
	}
	want := [2][]byte{}
	for turn := range 3 {
		take, err := s.Begin("call_1")
		if err != nil {
			t.Fatal(err)
		}
		packets := [2][]media.Words{utter(random, clip), utter(random, clip)}
		for i := range packets {
			start := len(want[i])
			for _, w := range packets[i] {
				for int64(len(want[i])-start) < w.Position {
					want[i] = append(want[i], 0xD5)
				}
				want[i] = append(want[i], w.Words...)
			}
		}
		converse(take, packets)
		length := max(len(want[0]), len(want[1]))
		for i := range want {
			for len(want[i]) < length {
				want[i] = append(want[i], 0xD5)
			}
		}
		if r := leave(t, take); r.Duration != time.Duration(length)*time.Second/Rate {
			t.Fatalf("turn %d: %v, want %d frames", turn, r.Duration, length)
		}
	}
	_, _, raw := read(t, s, "call_1")
	for at, b := int64(0), raw[layoutOf(indexOf(codec.PCMA)).header:]; len(b) > 0; at, b = at+1, b[2:] {
		if b[0] != want[ours][at] || b[1] != want[theirs][at] {
			t.Fatalf("frame %d is %x, want %x and %x", at, b[:2], want[ours][at], want[theirs][at])
		}
	}
}

// utter makes packets for some seconds, the first and the last of them with sound.
func utter(random *rand.Rand, clip []byte) (packets []media.Words) {
	from, position := random.IntN(len(clip)/2), int64(0)
	for i := range 400 {
		n := 40 + 40*random.IntN(12)
		w := media.Words{Words: clip[from : from+n], Codec: indexOf(codec.PCMA), Stream: 1, Position: position, At: noon.Add(time.Duration(position) * time.Second / Rate)}
		position += int64(n)
		switch kind := random.IntN(40); {
		case kind == 0: // another place of the clip comes next
			from = random.IntN(len(clip) / 2)
		case kind < 3 && i > 0 && i < 399: // a gap
			continue
		default:
			from += n
		}
		w.Lasting = random.IntN(8) > 0
		packets = append(packets, w)
	}
	return packets
}

// converse puts both sides on a take in the order of time; what does not last is gone
// when the call returns.
func converse(take *Take, packets [2][]media.Words) {
	scratch := make([]byte, 480)
	for a, b := packets[ours], packets[theirs]; len(a)+len(b) > 0; {
		write, from := take.Said, &a
		if len(a) == 0 || len(b) > 0 && b[0].At.Before(a[0].At) {
			write, from = take.Heard, &b
		}
		w := (*from)[0]
		*from = (*from)[1:]
		if !w.Lasting {
			w.Words = scratch[:copy(scratch, w.Words)]
		}
		write(w)
		clear(scratch)
	}
}
