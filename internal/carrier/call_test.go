package carrier

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
)

// fakeLine writes down what a script does and hears what the test lets it hear.
type fakeLine struct {
	mu    sync.Mutex
	start time.Time
	did   []string
	pcm   []int16
	call  *call
}

func (l *fakeLine) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, fmt.Sprintf("%gs ", time.Since(l.start).Seconds())+fmt.Sprintf(format, args...))
}

func (l *fakeLine) Ring()             { l.note("ring") }
func (l *fakeLine) Progress(code int) { l.note("progress %d", code) }
func (l *fakeLine) Answer() {
	l.note("answer")
	l.call.on(calls.LegEvent{Kind: calls.LegAnswered})
}
func (l *fakeLine) Reject(code, q850 int, _ string) {
	l.note("reject %d %d", code, q850)
	l.end(calls.Ending{Code: code, Q850: q850, By: calls.ByZvonar})
}
func (l *fakeLine) Hangup(q850 int) {
	l.note("hangup %d", q850)
	l.end(calls.Ending{By: calls.ByZvonar})
}
func (l *fakeLine) end(e calls.Ending)                    { l.call.on(calls.LegEvent{Kind: calls.LegEnded, Ending: e}) }
func (l *fakeLine) Play(id int64, _ *media.Clip, on bool) { l.note("play %d %v", id, on) }
func (l *fakeLine) SendDigits(digits string)              { l.note("press %s", digits) }
func (l *fakeLine) SendInfo(digit byte)                   { l.note("info %c", digit) }
func (l *fakeLine) DropMedia()                            { l.note("drop") }
func (l *fakeLine) AnswerOnCancel()                       { l.note("cross") }
func (l *fakeLine) Listen() recorder                      { return l }
func (l *fakeLine) PCM() []int16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int16(nil), l.pcm...)
}

// hear lets pcm arrive in real time.
func (l *fakeLine) hear(pcm []int16) {
	for len(pcm) > 0 {
		n := min(len(pcm), 160)
		time.Sleep(20 * time.Millisecond)
		l.mu.Lock()
		l.pcm = append(l.pcm, pcm[:n]...)
		l.mu.Unlock()
		pcm = pcm[n:]
	}
}

// play runs number's script on a fake line beside what the far end does.
func play(t *testing.T, number string, pace float64, far func(*fakeLine)) (did string, rec Call) {
	t.Helper()
	_, steps, ok := script(number)
	if !ok {
		t.Fatalf("%s is not a magic number", number)
	}
	synctest.Test(t, func(t *testing.T) {
		c := &Carrier{cfg: Config{Pace: pace, MaxCall: time.Minute, Clock: clock.System()}, log: newCallLog()}
		c.cfg.IDs = clock.NewIDs(c.cfg.Clock, nil)
		x := c.newCall(Call{Kind: KindCallee, Number: number})
		l := &fakeLine{start: time.Now(), call: x}
		x.line = l
		if far != nil {
			go far(l)
		}
		x.run(steps)
		did, rec = strings.Join(l.did, ", "), c.Calls()[0]
	})
	return did, rec
}

func hangUpAt(d time.Duration) func(*fakeLine) {
	return func(l *fakeLine) {
		time.Sleep(d)
		l.end(calls.Ending{By: calls.ByCustomer, Canceled: true})
	}
}

func TestScriptsOnALine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, number string
		pace         float64
		far          func(*fakeLine)
		want         string
	}{
		{"busy rings first", "79005550486", 1, nil, "0s ring, 2s reject 486 17"},
		{"pace hurries the ringing", "79005550486", 0.1, nil, "0s ring, 0.2s reject 486 17"},
		{"a code without ringing", "79005550503", 1, nil, "0s reject 503 0"},
		{"ringing for ever ends with the caller", "79005553000", 1, hangUpAt(20 * time.Second), "0s ring"},
		{"ringing for ever has a limit all the same", "79005553000", 1, nil, "0s ring, 60s hangup 0"},
		{"hangs up after three seconds, whatever the pace", "79005552002", 0.5, nil, "0s ring, 1s answer, 4s hangup 0"},
		{"announcement", "79005558020", 0.5, nil, "0s progress 183, 0s play 3 false, 4s reject 480 20"},
		{"crossing", "79005553001", 1, hangUpAt(5 * time.Second), "0s cross, 0s ring"},
		{"the caller gives up before the answer", "79005551000", 1, hangUpAt(time.Second), "0s ring"},
		{"drops media", "79005552003", 1, hangUpAt(9 * time.Second), "0s ring, 2s answer, 2s drop"},
		{"manager who confirms", "79005559005", 1, nil,
			"0s ring, 2s answer, 4s press 1, 5s play 4 true, 9s hangup 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if did, _ := play(t, tt.number, tt.pace, tt.far); did != tt.want {
				t.Errorf("got  %s\nwant %s", did, tt.want)
			}
		})
	}
}

func TestDigitsWaitForTheClip(t *testing.T) {
	t.Parallel()
	clip := join(tone(440, 3000), silence(800), tone(440, 1000))
	far := func(l *fakeLine) {
		// Off the carrier's own beat, so that no two things fall on one instant.
		time.Sleep(2*time.Second + 10*time.Millisecond)
		l.hear(silence(500))
		l.hear(clip)                 // 2.5 s to 7.3 s
		l.hear(silence(3000))        // to 10.3 s
		l.hear(tone(600, 2000))      // to 12.3 s
		time.Sleep(10 * time.Second) // nothing arrives any more
		l.end(calls.Ending{By: calls.ByCustomer})
	}
	for _, tt := range []struct{ number, want string }{
		// The pause inside the clip is shorter than clipEnd and is no end.
		{"79005551103", "0s ring, 2s answer, 8.6s press 3"},
		{"79005551203", "0s ring, 2s answer, 4.6s press 3"},
		{"79005551303", "0s ring, 2s answer, 8.6s info 3"},
		// Silence without packets ends a clip like silence in packets.
		{"79005551412", "0s ring, 2s answer, 8.6s press 1, 13.6s press 2"},
	} {
		t.Run(tt.number, func(t *testing.T) {
			t.Parallel()
			did, rec := play(t, tt.number, 1, far)
			if did != tt.want {
				t.Errorf("got  %s\nwant %s", did, tt.want)
			}
			if rec.HeardMS != 10300 || rec.EndedBy != "peer" || rec.EndedAt.IsZero() {
				t.Errorf("record: %+v", rec)
			}
		})
	}
}

func TestTheRecordSaysWhatHappened(t *testing.T) {
	t.Parallel()
	_, rec := play(t, "79005551000", 1, func(l *fakeLine) {
		time.Sleep(3 * time.Second)
		for _, d := range "42" {
			l.call.on(calls.LegEvent{Kind: calls.LegDigit, Digit: byte(d)})
		}
		l.end(calls.Ending{Code: 200, By: calls.ByCustomer})
	})
	if rec.DigitsHeard != "42" || rec.Code != 200 || rec.EndedBy != "peer" || rec.AnsweredAt.Sub(rec.StartedAt) != 2*time.Second {
		t.Errorf("record: %+v", rec)
	}
}

func TestTheLogForgetsTheOldest(t *testing.T) {
	t.Parallel()
	l := newCallLog()
	for i := range keptCalls + 5 {
		id := fmt.Sprint(i)
		l.put(Call{ID: id})
		l.putAudio(id, []int16{1})
	}
	if all := l.all(); len(all) != keptCalls || all[0].ID != "5" {
		t.Errorf("%d calls, first %q", len(all), all[0].ID)
	}
	if _, ok := l.heard("0"); ok || len(l.audio) != keptAudio {
		t.Errorf("%d recordings are kept", len(l.audio))
	}
}
