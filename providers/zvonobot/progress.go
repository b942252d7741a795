package zvonobot

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

// progress is what was told on of one call: it brings what comes twice, late and out
// of order into one story. Used by one goroutine.
type progress struct {
	rank     int
	rung     bool
	answered bool
	over     bool
	recorded bool
	digits   string
}

// progressOf is the story as far as it was told; r nil: not at all.
func progressOf(r *calls.Resumed) (p progress) {
	if r == nil {
		return p
	}
	p.rung, p.answered, p.digits = r.Rang, r.Answered, r.Digits
	if r.Answered {
		p.rung, p.rank = true, rank[statusAnswered]
	}
	return p
}

// apply says what a fact adds to the story.
func (p *progress) apply(t told, causes causeReader) (out []calls.ProviderReport) {
	id := providerID(t)
	say := func(r calls.ProviderReport) {
		r.ProviderCallID = id
		out = append(out, r)
	}
	known := rank[t.Status]
	if p.over {
		known = 0 // what comes after the end adds nothing but the sound of the talk
	}
	newer := known > p.rank
	if newer {
		p.rank = known
	}
	talked := t.Status == statusAnswered || t.Status == statusFinished || t.Digit && t.Status == ""
	if !p.over && !p.rung && (newer && known >= rank[statusStarted] && t.Status != statusCanceled || talked) {
		p.rung = true
		say(calls.ProviderReport{State: calls.ReportRinging, At: t.Started})
	}
	if !p.over && !p.answered && talked {
		p.answered = true
		p.rank = max(p.rank, rank[statusAnswered])
		say(calls.ProviderReport{State: calls.ReportAnswered, At: t.Up})
	}
	if !p.over {
		for _, d := range p.fresh(t) {
			say(calls.ProviderReport{State: calls.ReportDigit, Digit: string(d), At: t.Updated})
		}
	}
	if newer && final(t.Status) {
		say(ending(t, causes))
		p.over = true
	}
	if t.Record != "" && !p.recorded && p.answered {
		p.recorded = true
		say(calls.ProviderReport{State: calls.ReportRecord, RecordURL: t.Record, At: t.Finished})
	}
	return out
}

// fresh are the digits of a fact that were not told on yet. Those told are a beginning
// of what is told now, or what is told now is late; anything else is a story that
// contradicts itself, of which the longer one is kept.
func (p *progress) fresh(t told) string {
	all := t.Answers
	if !t.HasAnswers {
		// A digit without those before it: it can only be the first.
		if !t.Digit || p.digits != "" {
			return ""
		}
		all = t.Answer
	}
	if len(all) <= len(p.digits) || !strings.HasPrefix(all, p.digits) || len(all) > maxDigits {
		return ""
	}
	more := all[len(p.digits):]
	p.digits = all
	return more
}

// maxDigits bounds the digits of one call.
const maxDigits = 256

// ending is the end of a call in our terms.
func ending(t told, causes causeReader) calls.ProviderReport {
	words := strings.TrimSpace(t.Cause + " " + t.Comment)
	r := calls.ProviderReport{State: calls.ReportEnded, At: t.Finished, By: calls.ByProvider, Words: calls.Clean(words, 200)}
	if t.Status == statusFinished {
		r.SIPCode = 200
		if !t.Up.IsZero() && t.Finished.After(t.Up) {
			r.TalkMS = int64(t.Finished.Sub(t.Up) / time.Millisecond)
		}
		return r
	}
	r.Outcome = causes.canceled(t.Cause, t.Comment)
	return r
}
