package carrier

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// call runs one script on one line. The goroutine of run owns every field but
// box; everyone else only puts into box.
type call struct {
	carrier    *Carrier
	clock      clock.Clock
	line       line
	box        *mailbox[message]
	rec        Call // what Calls shows in the end
	heard      recorder
	scanner    scanner // what of heard was looked at already
	ended      bool
	report     func(SwitchEvent)     // of a call that somebody listens to
	reports    *mailbox[SwitchEvent] // of a call that somebody listens to; nil: nobody does
	clientRing time.Duration         // how long a PBX rings its client
	agentUp    bool                  // the PBX's agent leg was answered
	hungUp     bool                  // by whoever drives the switch
	timer      int                   // number of the timer that is waited for; older ones are stale
}

// message is an event of the leg, or a timer that has passed.
type message struct {
	event calls.LegEvent
	timer int // not 0: a timer, and event is not set
	// Of what whoever drives the switch asks for.
	digits string
	q850   int
}

// The timers that are not a step's.
const (
	timerMaxCall = -1 // the call has lasted long enough
	timerNoReply = -2 // a PBX stops ringing its client
	timerAgentUp = -3 // not of a clock: the PBX's agent leg was answered
	timerHangup  = -4 // not of a clock: whoever drives the switch wants that, and the next
	timerPress   = -5
	timerDrop    = -6
)

// maxDigits bounds what is kept of the keys that the far end presses.
const maxDigits = 256

// on takes an event of the leg; it never blocks.
func (x *call) on(e calls.LegEvent) { x.box.put(message{event: e}) }

// run plays the script to its end and waits for the end of the call.
func (x *call) run(steps []step) {
	defer x.clock.AfterFunc(x.carrier.cfg.MaxCall, func() { x.box.put(message{timer: timerMaxCall}) }).Stop()
	if x.rec.Kind == KindPBX {
		defer x.clock.AfterFunc(x.carrier.paced(x.clientRing), func() { x.box.put(message{timer: timerNoReply}) }).Stop()
	}
	for _, s := range steps {
		if !x.sleep(x.carrier.delay(s)) || !x.do(s) {
			break
		}
	}
	for !x.ended {
		x.take()
	}
	x.rec.EndedAt = x.clock.Now()
	if x.heard != nil {
		x.carrier.keepAudio(&x.rec, x.heard.PCM())
	}
	x.carrier.log.put(x.rec)
}

// take handles the next message. It returns its timer, 0 for an event.
func (x *call) take() int {
	m := x.box.take()
	if x.steered(m) {
		return 0
	}
	switch m.timer {
	case 0:
	case timerMaxCall:
		x.line.Hangup(0)
		return 0
	case timerNoReply:
		if x.rec.AnsweredAt.IsZero() {
			x.line.Hangup(19) // no answer from user
		}
		return 0
	case timerAgentUp:
		x.agentUp = true
		return 0
	default:
		return m.timer
	}
	switch e := m.event; e.Kind {
	case calls.LegAnswered:
		x.rec.AnsweredAt = x.clock.Now()
		x.rec.Codec = e.Codec
		x.listen()
		x.step(SwitchEvent{State: SwitchJoined})
	case calls.LegDigit:
		if len(x.rec.DigitsHeard) < maxDigits {
			x.rec.DigitsHeard += string(e.Digit)
		}
	case calls.LegEnded:
		x.end(e.Ending)
	}
	x.carrier.log.put(x.rec)
	return 0
}

// end notes how the call ended. What a step refused with stands.
func (x *call) end(e calls.Ending) {
	x.ended = true
	if x.rec.Code == 0 {
		x.rec.Code, x.rec.Q850 = e.Code, e.Q850
	}
	x.rec.Canceled = e.Canceled
	x.rec.EndedBy = "peer"
	if e.By == calls.ByZvonar {
		x.rec.EndedBy = "carrier"
	}
	x.step(x.endedStep(e))
}

// sleep waits for d. It is false where the call ended meanwhile.
func (x *call) sleep(d time.Duration) bool {
	if d <= 0 {
		return !x.ended
	}
	x.timer++
	n := x.timer
	t := x.clock.AfterFunc(d, func() { x.box.put(message{timer: n}) })
	defer t.Stop()
	for !x.ended {
		if x.take() == n {
			return true
		}
	}
	return false
}

// do carries out one step. It is false where the call ended meanwhile.
func (x *call) do(s step) bool {
	switch s.do {
	case opRing:
		x.line.Ring()
	case opProgress:
		x.line.Progress(s.code)
	case opPlay, opLoop:
		x.line.Play(int64(s.sound), x.carrier.sounds[s.sound], s.do == opLoop)
	case opAnswer:
		return x.answer()
	case opReject:
		x.rec.Code, x.rec.Q850 = s.code, s.q850
		x.line.Reject(s.code, s.q850, "")
	case opHangup:
		x.line.Hangup(s.q850)
	case opPress:
		x.press(s.digits)
	case opInfo:
		for i := range len(s.digits) {
			x.line.SendInfo(s.digits[i])
		}
		x.pressed(s.digits)
	case opDrop:
		x.line.DropMedia()
	case opCross:
		x.line.AnswerOnCancel()
	case opAgent:
		for !x.agentUp && !x.ended {
			x.take()
		}
		return !x.ended
	case opSound:
		return x.waitFor(func() bool { return x.scanner.loud > 0 })
	case opQuiet:
		x.scanner.loud = 0
		return x.waitFor(func() bool {
			return x.scanner.loud >= minClip && x.clock.Now().Sub(x.scanner.last) >= clipEnd
		})
	}
	return true
}

// answer sends the 200 and waits until the dialog stands.
func (x *call) answer() bool {
	// Recording begins before the 200 leaves: the caller's first packet may
	// come right behind it.
	x.listen()
	x.line.Answer()
	for x.rec.AnsweredAt.IsZero() && !x.ended {
		x.take()
	}
	return !x.ended
}

// listen starts the recording once.
func (x *call) listen() {
	if x.heard == nil {
		x.heard = x.line.Listen()
	}
}

// The far end's clip has begun once this much of sound was heard, and is over
// once nothing was heard for so long: longer than a pause in speech.
const (
	minClip = 500 * time.Millisecond
	clipEnd = 1200 * time.Millisecond
	glance  = 100 * time.Millisecond // how often what was heard is looked at
)

// waitFor looks at what is heard until done says so. It is false where the call
// ended meanwhile.
func (x *call) waitFor(done func() bool) bool {
	for {
		if x.heard != nil {
			x.scanner.look(x.heard.PCM(), x.clock.Now())
		}
		if done() {
			return true
		}
		if !x.sleep(glance) {
			return false
		}
	}
}

// scanner measures how much sound a growing recording holds.
type scanner struct {
	seen int           // samples looked at
	loud time.Duration // sound among them since loud was last set to 0
	last time.Time     // when sound was last heard
}

// look reads what pcm has grown by, in steps of 20 ms.
func (s *scanner) look(pcm []int16, now time.Time) {
	const (
		frame = sampleRate / 50
		// An average magnitude of -46 dBFS parts speech from line noise.
		threshold = 160
	)
	for ; s.seen+frame <= len(pcm); s.seen += frame {
		sum := 0
		for _, v := range pcm[s.seen : s.seen+frame] {
			sum += max(int(v), -int(v))
		}
		if sum/frame > threshold {
			s.loud += 20 * time.Millisecond
			s.last = now
		}
	}
}
