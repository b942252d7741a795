package mango

import (
	"strconv"

	"zvonar/internal/calls"
)

// The codes that this package gives itself.
const (
	codeOK           = 1000
	codeNormal       = 1100
	codeByCaller     = 1110
	codeNoAnswer     = 1111
	codeByCallee     = 1120
	codeBusy         = 1121
	codeRejected     = 1122
	codeUnavailable  = 1131
	codeNoNumber     = 1133
	codeCallerBlack  = 1151
	codeBySystem     = 1181
	codeIntercepted  = 1182
	codeMachine      = 1310
	codeForbidden    = 2300
	codeBadParams    = 3100
	codeNotPost      = 3101
	codeBadSign      = 3102
	codeMissing      = 3103
	codeBadFormat    = 3104
	codeBadKey       = 3105
	codeBadNumber    = 3200
	codeNoObject     = 3300
	codeNoCall       = 3310
	codeNoRecord     = 3320
	codeNoFile       = 3340
	codeBadJSON      = 3400
	codeUnsupported  = 4001
	codeImpossible   = 4100
	codeGone         = 4101
	codeRecording    = 4102
	codeSMSFailed    = 4300
	codeServer       = 5000
	codeOverloaded   = 5001
	codeHumanTimeout = 1314
)

// meaning is what a result or disconnect_reason says.
type meaning struct {
	words   string
	outcome calls.Outcome // of a leg that nobody answered; "": it says nothing of that
	reason  calls.Reason
	sip     int           // the code of the same meaning; 0: none
	caller  bool          // who ended it: the caller of the leg,
	callee  bool          // or the callee
	verdict calls.Verdict // of the answering machine detection
	doubt   bool          // of a command: it may have been carried out all the same
}

// codes are the published codes. What is not here has the meaning of its subclass
// or class: 2219 is 2210, 1090 is 1000.
var codes = map[int]meaning{
	1000: {words: "done"},
	1100: {words: "ended normally"},
	1110: {words: "the caller hung up", outcome: calls.OutcomeNoAnswer, sip: 487, caller: true},
	1111: {words: "nobody answered in time", outcome: calls.OutcomeNoAnswer, sip: 480},
	1120: {words: "the callee hung up", outcome: calls.OutcomeRejected, sip: 603, callee: true},
	1121: {words: "busy", outcome: calls.OutcomeBusy, sip: 486},
	1122: {words: "the callee refused", outcome: calls.OutcomeRejected, sip: 603, callee: true},
	1123: {words: "do not disturb", outcome: calls.OutcomeRejected, sip: 480},
	1124: {words: "do not disturb, in the contact centre", outcome: calls.OutcomeRejected, sip: 480},
	1125: {words: "an operator stopped the task", outcome: calls.OutcomeCanceled, reason: calls.ReasonByAPI},
	1130: {words: "the callee may not be called", outcome: calls.OutcomeUnreachable, sip: 480},
	1131: {words: "the callee cannot be reached", outcome: calls.OutcomeUnreachable, reason: calls.ReasonSubscriberAbsent, sip: 480},
	1132: {words: "the number is not served", outcome: calls.OutcomeUnreachable, sip: 480},
	1133: {words: "the number does not exist", outcome: calls.OutcomeInvalidNumber, sip: 404},
	1134: {words: "it was forwarded too often", outcome: calls.OutcomeUnreachable, reason: calls.ReasonRedirected},
	1135: {words: "forwarding is forbidden", outcome: calls.OutcomeUnreachable, reason: calls.ReasonRedirected},
	1140: {words: "the region may not be called", outcome: calls.OutcomeTrunkError, reason: calls.ReasonTrunkRefused, sip: 403},
	1150: {words: "the caller may not call", outcome: calls.OutcomeTrunkError, reason: calls.ReasonTrunkRefused, sip: 403},
	1151: {words: "the number is on a black list", outcome: calls.OutcomeBlocked, reason: calls.ReasonBlacklist, sip: 403},
	1152: {words: "the number is not on the white list", outcome: calls.OutcomeBlocked, reason: calls.ReasonBlacklist, sip: 403},
	1160: {words: "the group could not take the call", outcome: calls.OutcomeCanceled, reason: calls.ReasonManagerNotReached},
	1170: {words: "ended by the scheme of the PBX", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	1171: {words: "the scheme of the PBX is wrong", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	1180: {words: "a user ended it", outcome: calls.OutcomeCanceled, reason: calls.ReasonByAPI, sip: 487},
	1181: {words: "an external system ended it", outcome: calls.OutcomeCanceled, reason: calls.ReasonByAPI, sip: 487},
	1182: {words: "somebody else took it", outcome: calls.OutcomeCanceled, reason: calls.ReasonElsewhere},
	1183: {words: "another operator has it", outcome: calls.OutcomeCanceled, reason: calls.ReasonElsewhere},
	1190: {words: "the number of the employee is off", outcome: calls.OutcomeUnreachable, sip: 480},
	1193: {words: "refused because busy", outcome: calls.OutcomeBusy, sip: 486},
	1200: {words: "the contact centre failed", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	1300: {words: "ended normally"},
	1310: {words: "an answering machine", outcome: calls.OutcomeMachine, verdict: calls.VerdictMachine},
	1311: {words: "an announcement: cannot be reached", outcome: calls.OutcomeMachine, verdict: calls.VerdictAnnouncement},
	1312: {words: "an announcement: busy", outcome: calls.OutcomeMachine, verdict: calls.VerdictAnnouncement},
	1313: {words: "voice mail", outcome: calls.OutcomeMachine, verdict: calls.VerdictMachine},
	1314: {words: "the robot could not tell who answered", outcome: calls.OutcomeMachine, verdict: calls.VerdictUnknown},

	2000: {words: "the account does not allow it", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	2210: {words: "a limit of the account is reached", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	2220: {words: "too many calls at once", outcome: calls.OutcomeTrunkError, reason: calls.ReasonCongestion},
	2230: {words: "the service is off", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	2240: {words: "there is no money on the account", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, sip: 402},
	2300: {words: "the direction is blocked", outcome: calls.OutcomeTrunkError, reason: calls.ReasonTrunkRefused, sip: 403},

	3000: {words: "the request is wrong", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3100: {words: "a parameter is wrong", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3101: {words: "it was no POST", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3102: {words: "the signature is wrong; see the salt", outcome: calls.OutcomeTrunkError, reason: calls.ReasonTrunkAuth},
	3103: {words: "a parameter is missing", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3104: {words: "a parameter has a bad format", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3105: {words: "the API key is unknown", outcome: calls.OutcomeTrunkError, reason: calls.ReasonTrunkAuth},
	3136: {words: "the number has a bad format", outcome: calls.OutcomeInvalidNumber, sip: 484},
	3200: {words: "the number of the subscriber is wrong", outcome: calls.OutcomeInvalidNumber, sip: 484},
	3300: {words: "there is no such object", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3310: {words: "there is no such call", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3320: {words: "there is no such recording", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3330: {words: "there is no such number", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3340: {words: "there is no such file", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	3400: {words: "the JSON cannot be read", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},

	4000: {words: "it cannot be done", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	4001: {words: "the command is not supported", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	4002: {words: "the recording is too short"},
	4100: {words: "it cannot be done with this call"},
	4101: {words: "the call is over"},
	4102: {words: "it is recorded already"},
	4104: {words: "it was forwarded too often", outcome: calls.OutcomeUnreachable, reason: calls.ReasonRedirected},
	4200: {words: "the subscriber cannot be reached now", outcome: calls.OutcomeUnreachable, sip: 480},
	4290: {words: "too many requests", outcome: calls.OutcomeTrunkError, reason: calls.ReasonCongestion},
	4300: {words: "the text could not be sent"},
	4301: {words: "the text expired"},
	4391: {words: "the text was lost"},
	4392: {words: "the text was refused"},
	4393: {words: "the text was cancelled"},
	4400: {words: "the conference failed", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	4500: {words: "a rule of security forbids it", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	4502: {words: "the number is on a black list", outcome: calls.OutcomeBlocked, reason: calls.ReasonBlacklist, sip: 403},

	5000: {words: "the provider's server failed", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, doubt: true},
	5001: {words: "the provider is overloaded", outcome: calls.OutcomeTrunkError, reason: calls.ReasonCongestion},
	5002: {words: "the provider restarts", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, doubt: true},
	5003: {words: "the provider has a technical fault", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, doubt: true},
	5004: {words: "the provider's database failed", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, doubt: true},
	5008: {words: "the service is off", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	5011: {words: "the provider took too long", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, doubt: true},
	5100: {words: "the campaign cannot be changed", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
	6000: {words: "the fax failed", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed},
}

// unknownCode is what a code outside all classes says: nobody can tell.
var unknownCode = meaning{words: "an unknown code", outcome: calls.OutcomeTrunkError, reason: calls.ReasonProviderFailed, doubt: true}

// meaningOf finds a code, its subclass or its class.
func meaningOf(code int) meaning {
	for _, unit := range []int{1, 10, 100, 1000} {
		if m, ok := codes[code/unit*unit]; ok && code > 0 {
			return m
		}
	}
	return unknownCode
}

// wordsOf is a code for people.
func wordsOf(code int) string { return meaningOf(code).words + " (" + strconv.Itoa(code) + ")" }

// class is the first digit of a code.
func class(code int) int { return code / 1000 }

// resultOf says in the provider's codes what the house refused and why.
var resultOf = map[calls.Code]int{
	calls.CodeInvalidNumber:        codeBadNumber,
	calls.CodeDestinationForbidden: codeForbidden,
	calls.CodeUnknownRecording:     codeNoFile,
	calls.CodeRecordingNotApproved: codeNoFile,
	calls.CodeRecordingTooShort:    codeNoFile,
	calls.CodeBadAction:            codeNoObject,
	calls.CodeRefConflict:          codeImpossible,
	calls.CodeIdempotencyConflict:  codeImpossible,
	calls.CodeInvalidField:         codeBadParams,
	calls.CodeWrongState:           codeImpossible,
	calls.CodeBadJSON:              codeBadJSON,
	calls.CodeTooLarge:             codeBadFormat,
	calls.CodeForbidden:            codeForbidden,
	calls.CodeUnauthorized:         codeBadKey,
	calls.CodeNotFound:             codeNoCall,
	calls.CodeOverloaded:           codeOverloaded,
}

// resultFor is the result of a command that failed with err; nil is a success.
func resultFor(err error) int {
	if err == nil {
		return codeOK
	}
	if code, ok := resultOf[calls.CodeOf(err)]; ok {
		return code
	}
	return codeServer
}

// reasonOf says in the provider's codes how a call of ours ended that was not
// answered; of an answered one, who hung up decides.
var reasonOf = map[calls.Outcome]int{
	calls.OutcomeMachine:       codeMachine,
	calls.OutcomeFax:           codeMachine,
	calls.OutcomeAnnouncement:  codeUnavailable,
	calls.OutcomeBusy:          codeBusy,
	calls.OutcomeNoAnswer:      codeNoAnswer,
	calls.OutcomeMissed:        codeByCaller,
	calls.OutcomeRejected:      codeRejected,
	calls.OutcomeUnreachable:   codeUnavailable,
	calls.OutcomeInvalidNumber: codeNoNumber,
	calls.OutcomeCanceled:      codeBySystem,
	calls.OutcomeExpired:       codeBySystem,
	calls.OutcomeBlocked:       codeCallerBlack,
	calls.OutcomeTrunkError:    codeServer,
	calls.OutcomeLost:          codeServer,
}
