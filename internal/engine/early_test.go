package engine

import (
	"encoding/json"
	"testing"

	"zvonar/internal/calls"
)

func heard(kind calls.HeardKind, meaning calls.Meaning) calls.LegEvent {
	return calls.LegEvent{Kind: calls.LegHeard, Heard: calls.Heard{Kind: kind, Meaning: meaning, Detail: "switched off", Confidence: 0.9}}
}

// ringing begins a call with audio before the answer over trunk.
func ringing(b *bench) (*calls.Call, *memLeg) {
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(calls.LegEvent{Kind: calls.LegEarlyMedia, Code: 183})
	b.events(calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallEarlyMedia)
	return c, leg
}

func TestAnAnnouncementBeforeTheAnswerSaysHowTheCallEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := ringing(b)
	leg.emit(heard(calls.HeardRingback, ""))
	leg.emit(heard(calls.HeardKnown, calls.MeansUnreachable))
	var data earlyData
	if err := json.Unmarshal(b.events(calls.CallAMD).Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Verdict != calls.VerdictAnnouncement || data.Cause != "known_unreachable" || !data.Early || data.Title != "switched off" || data.Attempt == "" {
		t.Errorf("call.amd says %+v", data)
	}
	leg.emit(heard(calls.HeardBusy, "")) // the busy tone after the words
	leg.end(calls.Ending{Code: 487, Canceled: true, Rang: true})
	b.events(calls.CallCompleted)
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeUnreachable || got.Reason != calls.ReasonKnown || got.Verdict != calls.VerdictAnnouncement || !got.Attempts[0].Charged {
		t.Errorf("ended %s/%s, %s", got.Outcome, got.Reason, got.Verdict)
	}
}

func TestACongestedNetworkIsNotTheCalleesAttempt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := ringing(b)
	leg.emit(heard(calls.HeardKnown, calls.MeansCongestion))
	leg.end(calls.Ending{Code: 480, Rang: true})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeTrunkError || got.Reason != calls.ReasonCongestion || got.Attempts[0].Charged {
		t.Errorf("ended %s/%s charged=%v", got.Outcome, got.Reason, got.Attempts[0].Charged)
	}
}

func TestWhoAnswersAfterAnAnnouncementIsNoAnnouncement(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, leg := ringing(b)
	leg.emit(heard(calls.HeardKnown, calls.MeansVoicemail))
	leg.emit(answered)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnswered || got.Verdict != calls.VerdictNone {
		t.Errorf("ended %s, %s", got.Outcome, got.Verdict)
	}
}

func TestATrunkMayHangUpOnAnnouncements(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.e.cfg.Trunks[0].HangUpEarly = true // nothing runs yet
	c, leg := ringing(b)
	leg.emit(heard(calls.HeardKnown, calls.MeansRinging)) // please wait
	leg.emit(heard(calls.HeardSIT, ""))
	b.events(calls.CallAMD)
	b.clock.Advance(wordsAfterSIT)
	b.told(leg, "hangup")
	leg.end(calls.Ending{Code: 487, Canceled: true, Rang: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnnouncement || got.Reason != calls.ReasonSIT || got.HangupBy != calls.ByZvonar {
		t.Errorf("ended %s/%s by %s", got.Outcome, got.Reason, got.HangupBy)
	}
}

func TestTheWordsAfterASITAreWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.e.cfg.Trunks[0].HangUpEarly = true // nothing runs yet
	c, leg := ringing(b)
	leg.emit(heard(calls.HeardSIT, ""))
	leg.emit(heard(calls.HeardKnown, calls.MeansInvalid))
	b.told(leg, "hangup")
	leg.end(calls.Ending{Code: 487, Canceled: true, Rang: true, By: calls.ByZvonar})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeInvalidNumber || got.Reason != calls.ReasonKnown {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestNobodyIsHungUpOnWhoAnsweredAfterASIT(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.e.cfg.Trunks[0].HangUpEarly = true // nothing runs yet
	c, leg := ringing(b)
	leg.emit(heard(calls.HeardSIT, ""))
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.clock.Advance(wordsAfterSIT)
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.HangupBy != calls.ByCustomer {
		t.Errorf("ended %s by %s", got.Outcome, got.HangupBy)
	}
}

func TestWordsThatNobodyMadeKnownAreToldAndABeepAfterThemIsVoicemail(t *testing.T) {
	t.Parallel()
	for beep, want := range map[bool]calls.Outcome{false: calls.OutcomeNoAnswer, true: calls.OutcomeMachine} {
		b := newBench(t)
		c, leg := ringing(b)
		leg.emit(heard(calls.HeardSpeech, ""))
		b.events(calls.CallAMD)
		if beep {
			leg.emit(heard(calls.HeardVoicemail, ""))
			b.events(calls.CallAMD)
		}
		leg.end(calls.Ending{Timeout: true, Rang: true})
		if got := b.over(c.ID); got.Outcome != want || got.Verdict != calls.VerdictMachine {
			t.Errorf("beep %v: ended %s, %s; want %s", beep, got.Outcome, got.Verdict, want)
		}
	}
}

func TestAFlowMayHangUpOnAnnouncementsWhereItsTrunkDoesNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) { r.AMD = &calls.AMDOptions{Mode: calls.AMDOff, EarlyMedia: calls.EarlyHangup} })
	leg := b.start(c, "main")
	leg.emit(calls.LegEvent{Kind: calls.LegEarlyMedia, Code: 183})
	leg.emit(heard(calls.HeardSpeech, "")) // somebody may answer all the same
	leg.emit(heard(calls.HeardKnown, calls.MeansUnreachable))
	b.told(leg, "hangup")
	leg.end(calls.Ending{Code: 487, Canceled: true, Rang: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeUnreachable || got.HangupBy != calls.ByZvonar {
		t.Errorf("ended %s by %s", got.Outcome, got.HangupBy)
	}
}

func TestAProfileThatIsNotConfiguredIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", BodyHash: "h", AMD: &calls.AMDOptions{Mode: calls.AMDAsync, Profile: "no such"}}
	if _, _, err := b.e.Submit(t.Context(), r); calls.CodeOf(err) != calls.CodeInvalidField {
		t.Errorf("accepted with %v", err)
	}
}
