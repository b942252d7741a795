package calls

// Result is what the outcome table makes of an [Ending].
type Result struct {
	Outcome Outcome
	Reason  Reason
	// Charged is false where the trunk is to blame: the attempt does not count
	// against the callee's daily cap.
	Charged bool
}

// q850Table maps Q.850 causes. A cause in a Reason header is nearer to the
// truth than the SIP code a gateway made of it, so it is read first.
var q850Table = map[int]Result{
	1:  {OutcomeInvalidNumber, ReasonNone, true}, // unallocated number
	17: {OutcomeBusy, ReasonNone, true},
	18: {OutcomeNoAnswer, ReasonNone, true}, // no user responding
	19: {OutcomeNoAnswer, ReasonNone, true}, // no answer from user
	20: {OutcomeUnreachable, ReasonSubscriberAbsent, true},
	21: {OutcomeRejected, ReasonNone, true},
	22: {OutcomeInvalidNumber, ReasonNone, true}, // number changed
	27: {OutcomeUnreachable, ReasonNone, true},   // destination out of order
	28: {OutcomeInvalidNumber, ReasonNone, true}, // invalid number format
	34: {OutcomeTrunkError, ReasonCongestion, false},
	38: {OutcomeTrunkError, ReasonCongestion, false},
	41: {OutcomeTrunkError, ReasonCongestion, false},
	42: {OutcomeTrunkError, ReasonCongestion, false},
	47: {OutcomeTrunkError, ReasonCongestion, false},
}

// sipTable maps final SIP codes.
var sipTable = map[int]Result{
	401: {OutcomeTrunkError, ReasonTrunkAuth, false},
	402: {OutcomeTrunkError, ReasonTrunkRefused, false},
	403: {OutcomeTrunkError, ReasonTrunkAuth, false},
	404: {OutcomeInvalidNumber, ReasonNone, true},
	407: {OutcomeTrunkError, ReasonTrunkAuth, false},
	408: {OutcomeUnreachable, ReasonTrunkTimeout, true},
	410: {OutcomeInvalidNumber, ReasonNone, true},
	480: {OutcomeNoAnswer, ReasonNone, true},
	484: {OutcomeInvalidNumber, ReasonNone, true},
	486: {OutcomeBusy, ReasonNone, true},
	487: {OutcomeNoAnswer, ReasonNone, true}, // not ours (see Judge): somebody on the way gave up ringing
	488: {OutcomeTrunkError, ReasonMedia, false},
	600: {OutcomeBusy, ReasonNone, true},
	603: {OutcomeRejected, ReasonNone, true},
	604: {OutcomeInvalidNumber, ReasonNone, true},
	606: {OutcomeTrunkError, ReasonMedia, false},
	607: {OutcomeRejected, ReasonUnwanted, true},
	608: {OutcomeRejected, ReasonUnwanted, true},
}

// rangTable holds the codes that mean something else once it rang: then 408 says
// that nobody came to the phone, and 403 that the person, not the trunk, refused.
var rangTable = map[int]Result{
	403: {OutcomeRejected, ReasonNone, true},
	408: {OutcomeNoAnswer, ReasonNone, true},
}

// Judge reads the ending of an outbound leg that was never answered (of an
// answered one it says answered). Facts in order of weight: our own transport,
// a known announcement before the answer, the trunk's own table, the Q.850 cause, the SIP code, other
// tones before the answer.
func Judge(e Ending) Result {
	switch {
	case e.Answered:
		return Result{OutcomeAnswered, ReasonHangup, true}
	case e.Transport:
		return Result{OutcomeTrunkError, ReasonTrunkTransport, false}
	}
	if r, ok := e.Early.Early(); ok && (e.Early.weighs() >= plain || e.vague()) {
		return r
	}
	switch {
	case e.Canceled:
		return Result{OutcomeNoAnswer, ReasonRingTimeout, true}
	case e.Timeout && !e.Rang:
		return Result{OutcomeTrunkError, ReasonTrunkTimeout, false}
	case e.Timeout:
		return Result{OutcomeNoAnswer, ReasonRingTimeout, true}
	case e.Media:
		// A 2xx without audio for us: the callee came to the phone all the same.
		return Result{OutcomeTrunkError, ReasonMedia, e.Code >= 200 && e.Code < 300}
	}
	if e.Override.Outcome != "" && e.Code >= 400 {
		return e.Override
	}
	if r, ok := q850Table[e.Q850]; ok {
		return r
	}
	if r, ok := sipTable[e.SIPCause]; ok {
		// A proxy that merged several answers tells the one that counts.
		return r
	}
	if r, ok := rangTable[e.Code]; ok && e.Rang {
		return r
	}
	if r, ok := sipTable[e.Code]; ok {
		return r
	}
	switch {
	case e.Code >= 300 && e.Code < 400:
		return Result{OutcomeUnreachable, ReasonRedirected, true}
	case e.Code >= 600:
		return Result{OutcomeRejected, ReasonNone, true}
	case e.Code >= 400:
		return Result{OutcomeTrunkError, ReasonTrunkRefused, false}
	}
	return Result{OutcomeLost, ReasonNone, true}
}

// plain is what weighs as much as words that are known: they say more than any
// cause. Tones are believed only where the trunk gave no reason of its own.
const plain = 4

// vague reports whether the trunk said nothing of why there was no answer.
func (e Ending) vague() bool {
	if _, ok := q850Table[e.Q850]; ok && e.Q850 != 18 && e.Q850 != 19 {
		return false
	}
	switch e.Code {
	case 0, 408, 480, 487, 500, 503, 504:
		return true
	}
	return false
}
