package carrier

import (
	"strconv"
	"strings"
	"time"
)

// Prefix is what every magic number begins with. 7900555xxxx is allocated to
// mobile subscribers in Moscow, so numbering plans and calling windows treat
// these numbers like any other.
const Prefix = "7900555"

// Behaviour is how a callee treats a call.
type Behaviour struct {
	// Suffix is the last four digits. A letter stands for a digit that the
	// behaviour reads: N and M are keys to press, CCC a SIP status, QQ a Q.850 cause.
	Suffix string `json:"suffix"`
	// Example is a whole number that behaves so.
	Example string `json:"example"`
	// Text says what happens, in a sentence.
	Text string `json:"text"`

	script func(param string) []step
}

// behaviours is the published table (docs/test-carrier.md shows the same rows).
// The first row whose suffix matches wins.
var behaviours = []Behaviour{
	{Suffix: "1000", Text: "rings, answers, presses nothing, listens until the caller hangs up",
		script: fixed(answers()...)},
	{Suffix: "110N", Text: "answers; presses N after the clip (RFC 4733)",
		script: func(p string) []step { return afterClip(step{do: opPress, digits: p}) }},
	{Suffix: "120N", Text: "answers; presses N two seconds into the clip (RFC 4733)",
		script: func(p string) []step { return duringClip(step{do: opPress, digits: p}) }},
	{Suffix: "130N", Text: "answers; presses N after the clip by SIP INFO",
		script: func(p string) []step { return afterClip(step{do: opInfo, digits: p}) }},
	{Suffix: "14NM", Text: "answers; presses N after the first clip, M after the second (RFC 4733)",
		script: func(p string) []step {
			return afterClip(step{do: opPress, digits: p[:1]}, step{do: opQuiet}, step{do: opPress, digits: p[1:]})
		}},
	{Suffix: "150N", Text: "answers; presses N two seconds into the clip by SIP INFO",
		script: func(p string) []step { return duringClip(step{do: opInfo, digits: p}) }},
	{Suffix: "1610", Text: "answers; presses 7, 8, * and # in one go after the clip (RFC 4733)",
		script: fixed(afterClip(step{do: opPress, digits: "78*#"})...)},

	{Suffix: "2000", Text: "a person: answers after one second, says a short word, listens",
		script: fixed(step{do: opRing}, step{after: time.Second, do: opAnswer}, step{do: opPlay, sound: soundHello})},
	{Suffix: "2001", Text: "voicemail: answers after four rings, plays a greeting of about seven seconds, beeps (1000 Hz, 0.4 s), listens",
		script: fixed(step{do: opRing}, step{after: 4 * 5 * time.Second, do: opAnswer}, step{do: opPlay, sound: soundGreeting})},
	{Suffix: "2002", Text: "answers and hangs up three seconds later",
		script: fixed(answers(step{after: 3 * time.Second, unit: talk, do: opHangup})...)},
	{Suffix: "2003", Text: "answers and stops sending RTP at once, without a word",
		script: fixed(answers(step{do: opDrop})...)},
	{Suffix: "2004", Text: "a fax machine: answers with 2100 Hz",
		script: fixed(answers(step{do: opPlay, sound: soundFax})...)},

	{Suffix: "3000", Text: "rings for ever; 487 after a CANCEL", script: fixed(step{do: opRing})},
	{Suffix: "3001", Text: "rings until the CANCEL, which its 200 crosses: the caller has to ACK and BYE",
		script: fixed(step{do: opCross}, step{do: opRing})},
	{Suffix: "3002", Text: "sends twenty 183 with early media, then answers", script: fixed(manyProgress(20)...)},

	{Suffix: "80QQ", Text: "183 with a spoken announcement of four seconds, then 480 with Reason: Q.850;cause=QQ (8000: without Reason)",
		script: announcement},

	{Suffix: "9000", Text: "manager: rings, answers and talks (a melody)",
		script: fixed(answers(step{do: opLoop, sound: soundManager})...)},
	{Suffix: "9001", Text: "manager: busy (486)", script: fixed(refuses(486, 17)...)},
	{Suffix: "9002", Text: "manager: rings for ever", script: fixed(step{do: opRing})},
	{Suffix: "9003", Text: "manager: 183 with ringback of his own for three seconds, then answers, talks for four seconds, hangs up",
		script: fixed(step{do: opProgress, code: 183}, step{do: opLoop, sound: soundManagerRB},
			step{after: 3 * time.Second, unit: talk, do: opAnswer}, step{do: opLoop, sound: soundManager},
			step{after: 4 * time.Second, unit: talk, do: opHangup})},
	{Suffix: "9004", Text: "manager's voicemail: answers at once, greeting, beep, presses nothing",
		script: fixed(step{do: opAnswer}, step{do: opPlay, sound: soundGreeting})},
	{Suffix: "9005", Text: "manager: answers, presses 1 two seconds later (confirms), talks for four seconds, hangs up",
		script: fixed(answers(step{after: 2 * time.Second, unit: talk, do: opPress, digits: "1"},
			step{after: time.Second, unit: talk, do: opLoop, sound: soundManager},
			step{after: 4 * time.Second, unit: talk, do: opHangup})...)},
	{Suffix: "9006", Text: "manager: answers, talks for four seconds, hangs up",
		script: fixed(answers(step{do: opLoop, sound: soundManager}, step{after: 4 * time.Second, unit: talk, do: opHangup})...)},

	{Suffix: "0486", Text: "busy: rings, then 486 with Reason: Q.850;cause=17", script: fixed(refuses(486, 17)...)},
	{Suffix: "0480", Text: "no answer: rings, then 480", script: fixed(refuses(480, 0)...)},
	{Suffix: "0603", Text: "rejects: rings, then 603 with Reason: Q.850;cause=21", script: fixed(refuses(603, 21)...)},
	{Suffix: "0CCC", Text: "refused at once with the SIP status CCC (400–699), without ringing: 0404 no such number, 0503 no capacity",
		script: func(p string) []step {
			code, _ := strconv.Atoi(p)
			if code < 400 || code > 699 {
				return nil
			}
			return []step{{do: opReject, code: code}}
		}},
}

// fixed is a script without parameters.
func fixed(s ...step) func(string) []step { return func(string) []step { return s } }

// announcement is the network's voice before a refusal.
func announcement(param string) []step {
	cause, _ := strconv.Atoi(param)
	return []step{
		{do: opProgress, code: 183}, {do: opPlay, sound: soundNotice},
		{after: announcementLength, unit: talk, do: opReject, code: 480, q850: cause},
	}
}

// Numbers is the table of behaviours with an example each.
func Numbers() []Behaviour {
	out := make([]Behaviour, len(behaviours))
	for i, b := range behaviours {
		b.Example = Prefix + strings.NewReplacer("CCC", "404", "QQ", "20", "N", "1", "M", "2").Replace(b.Suffix)
		out[i] = b
	}
	return out
}

// script finds what number does. ok is false where nobody has that number: the
// carrier answers 404.
func script(number string) (name string, steps []step, ok bool) {
	suffix, found := strings.CutPrefix(number, Prefix)
	if !found || len(suffix) != 4 {
		return "", nil, false
	}
	for _, b := range behaviours {
		param, match := matchSuffix(b.Suffix, suffix)
		if !match {
			continue
		}
		if s := b.script(param); s != nil {
			return b.Suffix, s, true
		}
	}
	return "", nil, false
}

// matchSuffix compares suffix with pattern and returns the digits that stand
// where the pattern has letters.
func matchSuffix(pattern, suffix string) (param string, ok bool) {
	for i := range len(pattern) {
		switch p, d := pattern[i], suffix[i]; {
		case d < '0' || d > '9':
			return "", false
		case p >= 'A' && p <= 'Z':
			param += string(d)
		case p != d:
			return "", false
		}
	}
	return param, true
}
