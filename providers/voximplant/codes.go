package voximplant

import (
	"strconv"
	"strings"

	"zvonar/internal/calls"
)

// doubt says what an error of the API means for the call that was asked for.
type doubt string

const (
	refused doubt = "refused" // nothing will ring
	unknown doubt = "unknown" // nobody can tell
)

// errorCodes are the errors of the Management API (its page "errors"). Those that are
// told before a scenario is started refuse; a fault of their machines tells nothing.
// A code that is not here is unknown, unless the configuration (error_codes) says more.
var errorCodes = map[int]doubt{
	1:   unknown, // fatal
	2:   unknown, // internal
	4:   unknown, // database
	5:   refused, // billing
	12:  refused, // invalid function
	15:  unknown, // media server
	20:  unknown, // phone provider
	21:  unknown, // call service
	100: refused, // authorization
	101: refused, // arguments
	102: refused, // no cmd
	103: refused, // unknown command
	104: refused, // forbidden
	105: refused, // unsupported output
	109: refused, // limit of the user
	251: refused, // no such call list
	496: refused, // wrong server_location
}

// failure is what a code of CallEvents.Failed is to us.
type failure struct {
	Outcome calls.Outcome `yaml:"outcome"`
	Reason  calls.Reason  `yaml:"reason"`
}

// failedCodes are the codes of CallEvents.Failed (its page in the VoxEngine reference;
// 408 is assumed). Others are judged as SIP codes. The configuration (failed_codes)
// says more.
var failedCodes = map[int]failure{
	402: {calls.OutcomeTrunkError, calls.ReasonProviderFailed}, // no funds
	404: {calls.OutcomeInvalidNumber, calls.ReasonNone},
	408: {calls.OutcomeNoAnswer, calls.ReasonNone},
	480: {calls.OutcomeUnreachable, calls.ReasonNone},
	486: {calls.OutcomeBusy, calls.ReasonNone},
	487: {calls.OutcomeNoAnswer, calls.ReasonNone}, // the scenario gave up ringing; one that we cancelled is known to us
	603: {calls.OutcomeRejected, calls.ReasonNone},
}

// verdicts are the classes of AMD.ResultClass. CALL_ENDED is none: he hung up before
// it was known.
var verdicts = map[string]calls.Verdict{
	"HUMAN":     calls.VerdictHuman,
	"VOICEMAIL": calls.VerdictMachine,
	"TIMEOUT":   calls.VerdictUnknown,
}

// codeOf finds the code in an end_reason, whose exact form is not documented: the
// first number of three digits.
func codeOf(endReason string) int {
	for _, word := range strings.FieldsFunc(endReason, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(word); err == nil && len(word) == 3 {
			return n
		}
	}
	return 0
}
