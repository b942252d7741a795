package main

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/config"
	"zvonar/internal/hearing"
	"zvonar/media/amd"
	"zvonar/media/amd/live"
	"zvonar/media/capture"
	"zvonar/media/progress"
)

// judge makes the listeners that say who answered.
type judge struct {
	clock     clock.Clock
	profiles  *hearing.Profiles
	countries []string                            // whose tones are likeliest
	book      func(account string) *progress.Book // the announcements that it knows
	openings  *capture.Openings                   // nil: no sound is kept
}

// Judge implements engine.Leg.
func (l boundLeg) Judge(what calls.ToJudge, told func(calls.Judged)) (stop func()) {
	j := l.judge
	listener := amd.New(j.profiles.For(what.Profile, what.Trunk, what.To), progress.New(progress.Options{Countries: j.countries, Book: j.book(what.Account)}))
	begun := j.clock.Now()
	ears := live.Start(listener, j.clock, func(e amd.Event) {
		if kind, ok := judgedKinds[e.Kind]; ok {
			told(judged(e, kind, listener.Model(), j.clock.Now().Sub(begun).Milliseconds()))
		}
	})
	deaf := l.Leg.Analyse(ears)
	kept := l.keepOpening(what.Call, begun)
	return func() {
		ears.Stop()
		deaf()
		kept()
	}
}

// keepOpening keeps the first seconds of the callee, if that is wanted, until end
// is called.
func (l boundLeg) keepOpening(call string, answered time.Time) (end func()) {
	if l.judge.openings == nil {
		return func() {}
	}
	opening, err := l.judge.openings.Begin(call, answered)
	if err != nil { // no id of ours; nothing to keep it by
		return func() {}
	}
	deaf := l.Leg.Analyse(opening)
	return func() {
		deaf()
		opening.End()
	}
}

var judgedKinds = map[amd.EventKind]calls.JudgedKind{
	amd.Decided: calls.JudgedVerdict, amd.Revised: calls.JudgedRevised, amd.GreetingEnd: calls.JudgedGreetingEnd,
}

// judged is an event of the listener in the words of the domain.
func judged(e amd.Event, kind calls.JudgedKind, model string, sinceAnswer int64) calls.Judged {
	j := calls.Judged{
		Kind: kind, Verdict: calls.Verdict(e.Verdict), Cause: e.Cause, Confidence: e.Confidence, FromAnswerMS: sinceAnswer, Model: model,
	}
	if e.Onset >= 0 {
		ms := (e.At - e.Onset) * 1000 / amd.Rate
		j.FromOnsetMS = &ms
	}
	return j
}

// profiles are those of the configuration.
func profiles(cfg *config.Config) *hearing.Profiles {
	var list []hearing.Profile
	for _, p := range cfg.AMD.Profiles {
		list = append(list, hearing.Profile{Name: p.Name, Trunks: p.Trunks, Countries: p.Countries,
			Deadline: p.Deadline.Duration(), NoSpeech: p.NoSpeech.Duration(), ReviseFor: p.ReviseFor.Duration(),
			EndSilence: p.EndSilence.Duration(), MaxGreeting: p.MaxGreeting.Duration(),
			HumanBelow: p.HumanBelow, MachineAbove: p.MachineAbove, AtDeadline: p.AtDeadline, ReviseAbove: p.ReviseAbove})
	}
	return hearing.NewProfiles(list)
}
