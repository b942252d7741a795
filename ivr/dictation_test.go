package ivr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// studio is a Booth that writes down what is asked of it.
type studio struct {
	log   []string
	plays int64
	quiet bool
}

func (s *studio) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *studio) Play(clip calls.RecordingRef, _ bool) int64 {
	s.plays++
	s.note("play %s", clip.SHA256)
	return s.plays
}
func (s *studio) StopPlayback(calls.PlayReason)  { s.note("stop") }
func (s *studio) After(d time.Duration, _ Timer) {}
func (s *studio) Act(byte, calls.Action)         {}
func (s *studio) Hangup(reason calls.Reason)     { s.note("hangup %s", reason) }
func (s *studio) Record()                        { s.note("record") }
func (s *studio) Quiet() bool                    { return s.quiet }
func (s *studio) EndTake(cut time.Duration)      { s.note("end %s", cut) }
func (s *studio) Keep(take calls.RecordingRef)   { s.note("keep %s", take.SHA256) }

func dictation() (*Dictation, *studio) {
	s := &studio{}
	signals := map[calls.Signal]calls.RecordingRef{}
	for _, name := range []calls.Signal{calls.SignalSpeak, calls.SignalChoose, calls.SignalAgain, calls.SignalKept} {
		signals[name] = calls.RecordingRef{SHA256: string(name)}
	}
	return NewDictation(s, signals), s
}

func (s *studio) want(t *testing.T, log string) {
	t.Helper()
	if got := strings.Join(s.log, ", "); got != log {
		t.Errorf("%s\nwant %s", got, log)
	}
	s.log = nil
}

// said leads d to where a take is played back.
func said(d *Dictation, s *studio) {
	d.OnPlaybackFinished(s.plays, calls.PlayEnd)
	d.OnDigit('#')
	d.OnTake(calls.RecordingRef{SHA256: "take"}, nil)
}

func TestAnAuthorSpeaksHearsHimselfAndKeepsIt(t *testing.T) {
	t.Parallel()
	d, s := dictation()
	d.Start()
	said(d, s)
	s.want(t, "play speak, record, end 250ms, play take")
	d.OnPlaybackFinished(s.plays, calls.PlayEnd)
	d.OnPlaybackFinished(s.plays, calls.PlayEnd)
	s.want(t, "play choose")
	d.OnDigit('7') // means nothing here
	d.OnDigit('1')
	d.OnDigit('1')
	s.want(t, "keep take")
	d.OnKept(nil)
	d.OnPlaybackFinished(s.plays, calls.PlayEnd)
	s.want(t, "play kept, hangup flow_end")
}

func TestAnAuthorMayBeginAgain(t *testing.T) {
	t.Parallel()
	d, s := dictation()
	d.Start()
	said(d, s)
	d.OnDigit('2') // while he hears himself
	s.want(t, "play speak, record, end 250ms, play take, stop, play speak")
	said(d, s)
	d.OnDigit('1')
	s.want(t, "record, end 250ms, play take, stop, keep take")
	d.OnKept(errors.New("key tones"))
	s.want(t, "play again")
	d.OnPlaybackFinished(s.plays, calls.PlayEnd)
	d.OnDigit('#')
	d.OnTake(calls.RecordingRef{}, errors.New("too short"))
	s.want(t, "record, end 250ms, play again")
}

func TestATakeEndsWithSilenceAndAfterMinutes(t *testing.T) {
	t.Parallel()
	d, s := dictation()
	d.Start()
	d.OnPlaybackFinished(1, calls.PlayEnd)
	d.OnTimer(TimerDigit)
	s.want(t, "play speak, record")
	s.quiet = true
	d.OnTimer(TimerDigit)
	s.want(t, "end 0s")
	d, s = dictation()
	d.Start()
	d.OnPlaybackFinished(1, calls.PlayEnd)
	for range longestTake / takeLook {
		d.OnTimer(TimerDigit)
	}
	s.want(t, "play speak, record, end 0s")
}

func TestWhoNeverChoosesKeepsNothing(t *testing.T) {
	t.Parallel()
	d, s := dictation()
	d.Start()
	said(d, s)
	for range mostRepeats + 1 {
		d.OnPlaybackFinished(s.plays, calls.PlayEnd)
		d.OnPlaybackFinished(s.plays, calls.PlayEnd)
		d.OnTimer(TimerDigit)
	}
	if last := s.log[len(s.log)-1]; last != "hangup no_digit" {
		t.Errorf("%v", s.log)
	}
	d, s = dictation()
	d.Start()
	for range mostTries {
		d.OnPlaybackFinished(s.plays, calls.PlayEnd)
		d.OnDigit('#')
		d.OnTake(calls.RecordingRef{}, errors.New("too short"))
	}
	if last := s.log[len(s.log)-1]; last != "hangup invalid_digits" {
		t.Errorf("%v", s.log)
	}
}
