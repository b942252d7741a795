package engine

import (
	"cmp"
	"net/url"
	"time"

	"zvonar/internal/calls"
)

type reportStep func(*session, calls.ProviderReport)

// reportSteps says what a report of the provider does in each phase of its call.
// What is not listed does nothing: what our own leg saw counts, and what was told
// twice is told once. Where the sound lies is heard in every phase.
var reportSteps = map[phase]map[calls.ReportState]reportStep{
	// Its INVITE is awaited.
	placing: {
		calls.ReportRinging:  (*session).placingRings,
		calls.ReportAnswered: (*session).clientIsThere,
		calls.ReportVerdict:  (*session).providerJudges,
		calls.ReportEnded:    (*session).endedBeforeInvite,
	},
	// Our side of its call stands, the client is rung.
	connecting: {
		calls.ReportRinging:  (*session).clientRings,
		calls.ReportAnswered: (*session).clientIsThere,
		calls.ReportJoined:   (*session).clientIsThere,
		calls.ReportVerdict:  (*session).providerJudges,
		calls.ReportEnded:    (*session).halfFailed,
	},
	talking:  {calls.ReportVerdict: (*session).providerJudges},
	greeting: {calls.ReportVerdict: (*session).providerJudges},
	// It carries the call without us, and the client did not answer yet.
	remote: {
		calls.ReportRinging:  (*session).remoteRings,
		calls.ReportManager:  (*session).remoteManager,
		calls.ReportAnswered: (*session).remoteAnswered,
		calls.ReportJoined:   (*session).remoteJoined,
		calls.ReportDigit:    (*session).remoteDigit,
		calls.ReportAction:   (*session).remoteAction,
		calls.ReportVerdict:  (*session).providerJudges,
		calls.ReportEnded:    (*session).remoteEnded,
	},
	remoteTalk: {
		calls.ReportManager: (*session).remoteManager,
		calls.ReportJoined:  (*session).remoteJoined,
		calls.ReportDigit:   (*session).remoteDigit,
		calls.ReportAction:  (*session).remoteAction,
		calls.ReportVerdict: (*session).providerJudges,
		calls.ReportEnded:   (*session).remoteEnded,
	},
	// It is to take the call back.
	recalling: {
		calls.ReportAnswered: (*session).answeredWhileRecalled,
		calls.ReportDigit:    (*session).remoteDigit,
		calls.ReportEnded:    (*session).endedWhileRecalled,
	},
}

// reported looks a report up in the table and runs its step.
func (s *session) reported(r calls.ProviderReport) {
	s.provider.reports++
	s.e.metrics.report(s.call.Provider, r.State)
	s.log.Debug("the provider reports", "state", r.State, "code", r.SIPCode, "q850", r.Q850, "outcome", r.Outcome, "words", r.Words)
	s.named(r.ProviderCallID)
	if r.State == calls.ReportRecord {
		s.recordLies(r)
		return
	}
	if f := s.reportSteps[s.phase][r.State]; f != nil {
		f(s, r)
		if s.phase == remote || s.phase == remoteTalk {
			s.awaitReport(s.e.providers[s.call.Provider])
		}
		return
	}
	if r.State == calls.ReportEnded && s.customer.leg != nil && !s.customer.gone && s.phase != leaving {
		s.log.Info("the provider says the call is over, our leg of it stands; the leg counts", "phase", s.phase.String())
	}
}

// timeOf is when a report was true, by our clock: a provider's may be wrong.
func (s *session) timeOf(r calls.ProviderReport) time.Time {
	now := s.now()
	if a := s.customer.attempt; r.At.IsZero() || r.At.After(now) || a != nil && r.At.Before(a.SentAt) {
		return now
	}
	return r.At
}

// placingRings: a provider that rings the client first does. Its INVITE comes when he
// has answered.
func (s *session) placingRings(r calls.ProviderReport) {
	if s.rings(s.timeOf(r)) {
		s.awaitInvite(s.e.providers[s.call.Provider])
	}
}

// clientRings: his telephone rings from now on, not since our side answered.
func (s *session) clientRings(calls.ProviderReport) {
	if !s.provider.there {
		s.awaitClient()
	}
}

// clientIsThere: the client answered.
func (s *session) clientIsThere(r calls.ProviderReport) {
	if s.provider.there {
		return
	}
	s.provider.there = true
	if s.phase == connecting {
		s.clientReady(s.timeOf(r))
	}
}

// endedBeforeInvite: the provider gave the call up before it rang us.
func (s *session) endedBeforeInvite(r calls.ProviderReport) {
	s.provider.ended = true
	result := s.judgeReport(r)
	if s.provider.there || saysAnswered(r) { // he was there, and heard nobody
		result = calls.Result{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonProviderFailed, Charged: true}
	}
	s.endAsReported(r, result)
}

// halfFailed: our side stands, the client did not come.
func (s *session) halfFailed(r calls.ProviderReport) {
	if saysAnswered(r) { // he did: only the report of it is missing
		s.clientIsThere(r)
		return
	}
	s.provider.ended = true
	result := s.judgeReport(r)
	s.keepCodes(r)
	s.judged = &result
	s.because(result.Reason, cmp.Or(r.By, calls.ByProvider))
	s.ending.by = cmp.Or(r.By, calls.ByProvider)
	s.leave(q850Normal)
}

// providerJudges keeps what the provider makes of who answered, where nobody here
// judges that himself.
func (s *session) providerJudges(r calls.ProviderReport) {
	switch r.Verdict {
	case calls.VerdictHuman, calls.VerdictMachine, calls.VerdictFax, calls.VerdictAnnouncement, calls.VerdictSilence, calls.VerdictUnknown:
	default:
		return
	}
	if s.customer.deafen != nil || r.Verdict == s.call.Verdict {
		return
	}
	kind := calls.JudgedVerdict
	if s.call.Verdict != calls.VerdictNone {
		kind = calls.JudgedRevised
	}
	s.verdict(calls.Judged{Kind: kind, Verdict: r.Verdict, Cause: causeProvider})
}

// causeProvider: the provider judged it.
const causeProvider = "provider"

// recordLies tells where the sound of the talk lies at the provider.
func (s *session) recordLies(r calls.ProviderReport) {
	if !goodLink(r.RecordURL) {
		s.log.Warn("the provider's link to the sound of the talk is none; it is left out")
		return
	}
	s.tell(s.event(calls.CallRecordingReady, recordData{URL: r.RecordURL, Provider: s.call.Provider, DurationMS: r.TalkMS}))
}

// goodLink reports whether s may be told as the address of a recording.
func goodLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(s) <= 2048 && calls.Printable(s)
}

// recordData is call.recording_ready of sound that a provider keeps.
type recordData struct {
	URL        string `json:"url"`
	Provider   string `json:"provider"`
	DurationMS int64  `json:"duration_ms,omitempty"`
}

// saysAnswered reports whether the end of a call tells that it was answered.
func saysAnswered(r calls.ProviderReport) bool {
	switch r.Outcome {
	case calls.OutcomeAnswered, calls.OutcomeMachine, calls.OutcomeFax:
		return true
	case calls.OutcomeNone:
		return r.TalkMS > 0 || r.SIPCode >= 200 && r.SIPCode < 300
	}
	return false
}

// judgeReport is what a call came to that the provider says is over.
func (s *session) judgeReport(r calls.ProviderReport) calls.Result {
	if s.call.AnsweredAt != nil {
		out := s.call.Verdict.Answered()
		switch r.Outcome {
		case calls.OutcomeMachine, calls.OutcomeFax, calls.OutcomeAnnouncement:
			out = r.Outcome
		case calls.OutcomeAnswered, calls.OutcomeNone:
		default:
			s.log.Warn("the provider says of a call that was answered by its own word that it was not", "outcome", r.Outcome)
		}
		return calls.Result{Outcome: out, Reason: cmp.Or(r.Reason, calls.ReasonHangup), Charged: true}
	}
	return endOfUnanswered(r, s.call)
}

// endOfUnanswered reads the end of a call that nobody answered: the provider's own
// vocabulary, then its codes.
func endOfUnanswered(r calls.ProviderReport, c *calls.Call) calls.Result {
	switch {
	case r.Outcome != calls.OutcomeNone:
		return calls.Result{Outcome: r.Outcome, Reason: r.Reason, Charged: r.Outcome != calls.OutcomeTrunkError && r.Reason != calls.ReasonManagerNotReached}
	case r.SIPCode == 0 && (r.Q850 == 0 || r.Q850 == q850Normal) && c.Flow.Bridge != nil && r.By == calls.ByManager:
		return calls.Result{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonManagerNotReached}
	case r.SIPCode == 0 && (r.Q850 == 0 || r.Q850 == q850Normal):
		return calls.Result{Outcome: calls.OutcomeNoAnswer, Reason: r.Reason, Charged: true}
	}
	return calls.Judge(calls.Ending{Code: r.SIPCode, Q850: r.Q850, By: r.By, Rang: c.RingingAt != nil})
}

// keepCodes keeps the codes of the end in the call.
func (s *session) keepCodes(r calls.ProviderReport) {
	if r.SIPCode != 0 {
		s.call.SIPCode = r.SIPCode
	}
	if r.Q850 != 0 {
		s.call.Q850 = r.Q850
	}
}

// endAsReported completes a call of which we have no leg.
func (s *session) endAsReported(r calls.ProviderReport, result calls.Result) {
	at := s.timeOf(r)
	if s.call.AnsweredAt != nil && at.Before(*s.call.AnsweredAt) {
		at = s.now()
	}
	s.keepCodes(r)
	s.call.EndedAt = &at
	if s.call.AnsweredAt != nil {
		s.call.TalkMS = r.TalkMS
	}
	s.closeAttempt(s.customer, calls.Ending{Code: r.SIPCode, Q850: r.Q850}, result.Charged)
	s.customer.gone = true
	s.complete(result, cmp.Or(r.By, calls.ByProvider))
}
