package calls

// Outcome is the one word a completed call ends with (DESIGN 4.4).
type Outcome string

// The outcomes.
const (
	OutcomeNone          Outcome = ""
	OutcomeAnswered      Outcome = "answered"
	OutcomeMachine       Outcome = "machine"
	OutcomeBusy          Outcome = "busy"
	OutcomeNoAnswer      Outcome = "no_answer"
	OutcomeRejected      Outcome = "rejected"
	OutcomeUnreachable   Outcome = "unreachable"
	OutcomeInvalidNumber Outcome = "invalid_number"
	OutcomeAnnouncement  Outcome = "announcement"
	OutcomeFax           Outcome = "fax"
	OutcomeCanceled      Outcome = "canceled"
	OutcomeExpired       Outcome = "expired"
	OutcomeMissed        Outcome = "missed"
	OutcomeBlocked       Outcome = "blocked"
	OutcomeTrunkError    Outcome = "trunk_error"
	OutcomeLost          Outcome = "lost"
)

// Outcomes lists every outcome in the order they are published.
func Outcomes() []Outcome {
	return []Outcome{OutcomeAnswered, OutcomeMachine, OutcomeBusy, OutcomeNoAnswer, OutcomeRejected,
		OutcomeUnreachable, OutcomeInvalidNumber, OutcomeAnnouncement, OutcomeFax, OutcomeCanceled,
		OutcomeExpired, OutcomeMissed, OutcomeBlocked, OutcomeTrunkError, OutcomeLost}
}

// Refusals lists the outcomes that the refusal of a trunk can stand for.
func Refusals() []Outcome {
	return []Outcome{OutcomeBusy, OutcomeNoAnswer, OutcomeRejected, OutcomeUnreachable, OutcomeInvalidNumber, OutcomeAnnouncement, OutcomeTrunkError}
}

// Reason refines an outcome. The list is published in docs/outcomes.md.
type Reason string

// The reasons. Empty means the outcome says it all.
const (
	ReasonNone              Reason = ""
	ReasonHangup            Reason = "hangup"              // somebody hung up after the answer
	ReasonFlowEnd           Reason = "flow_end"            // the flow came to its end
	ReasonNoDigit           Reason = "no_digit"            // digit time-out
	ReasonInvalidDigits     Reason = "invalid_digits"      // max_invalid digits that mean nothing
	ReasonBlockedByDigit    Reason = "blocked_by_digit"    // needBlock
	ReasonMaxDuration       Reason = "max_duration"        // the call's limit
	ReasonMediaTimeout      Reason = "media_timeout"       // the callee's audio stopped
	ReasonNoMedia           Reason = "no_media"            // the callee's audio never came
	ReasonSessionExpired    Reason = "session_expired"     // nobody refreshed the session: the far end was gone
	ReasonHoldTimeout       Reason = "hold_timeout"        // the callee kept us on hold
	ReasonBridgeEnd         Reason = "bridge_end"          // the bridged talk ended
	ReasonTransferred       Reason = "transferred"         // the talk was handed to somebody else
	ReasonManagerNotReached Reason = "manager_not_reached" // the other party of a bridge did not come to the phone
	ReasonRingTimeout       Reason = "ring_timeout"        // we gave up ringing
	ReasonBlacklist         Reason = "blacklist"           // number is on the blacklist
	ReasonByAPI             Reason = "by_api"              // cancelled or hung up by request
	ReasonSeriesCanceled    Reason = "series_canceled"     // its series was cancelled
	ReasonRecordingRejected Reason = "recording_rejected"  // the moderator refused the clip
	ReasonRecordingRevoked  Reason = "recording_revoked"
	ReasonTextUnfit         Reason = "text_unfit"      // spoken with the call's variables the text is too short, or presses keys
	ReasonNotAfter          Reason = "not_after"       // could not be dialled in time
	ReasonRedirected        Reason = "redirected"      // 3xx, not followed
	ReasonNoTrunk           Reason = "no_trunk"        // no trunk takes this call
	ReasonTrunkTimeout      Reason = "trunk_timeout"   // no reply to our INVITE
	ReasonTrunkTransport    Reason = "trunk_transport" // could not be sent
	ReasonTrunkAuth         Reason = "trunk_auth"      // 401/403/407 from the trunk
	ReasonTrunkRefused      Reason = "trunk_refused"   // 4xx/5xx that blames the trunk
	ReasonMedia             Reason = "media_not_agreed"
	ReasonSubscriberAbsent  Reason = "subscriber_absent"
	ReasonCongestion        Reason = "congestion"
	ReasonUnwanted          Reason = "unwanted"           // 607, 608
	ReasonSIT               Reason = "sit"                // special information tones before the answer
	ReasonBusyTone          Reason = "busy_tone"          // busy tone before the answer
	ReasonCongestionTone    Reason = "congestion_tone"    // congestion tone before the answer
	ReasonKnown             Reason = "known_announcement" // an announcement whose fingerprint is known
	ReasonNodeLost          Reason = "node_lost"
	ReasonStuck             Reason = "stuck"        // the watchdog ended it
	ReasonStoreFailed       Reason = "store_failed" // the attempt could not be stored, so nobody was rung
	ReasonProviderFailed    Reason = "provider_failed"
	ReasonProviderTimeout   Reason = "provider_timeout"
	ReasonForPerson         Reason = "for_person" // its provider leaves it to a person; nobody was rung
	ReasonShutdown          Reason = "shutdown"
	ReasonElsewhere         Reason = "answered_elsewhere" // inbound: another telephone took it
	ReasonBusyHere          Reason = "no_channel"         // inbound: we were full
	ReasonNoRoute           Reason = "no_route"           // inbound: nobody configured the number
	ReasonMachine           Reason = "machine"            // what answered was no person, and the flow wants that hung up
	ReasonNoClip            Reason = "clip_unavailable"
)

// Ending is everything a leg knows about its end: the facts that the outcome
// table reads. It is pure data, made by the line.
type Ending struct {
	Code      int    // final SIP status; 0 where none was received
	Q850      int    // cause of a Reason header (RFC 3326), 0 if none
	SIPCause  int    // code of "SIP;cause=" in a Reason header, 0 if none
	Text      string // reason text for people, bounded, never trusted
	By        Party  // who ended it
	Answered  bool   // a 2xx was seen
	Trying    bool   // 100 was seen
	Progress  bool   // any 101–199 was seen
	Rang      bool   // 180–183 was seen
	Canceled  bool   // we sent CANCEL
	Timeout   bool   // no final reply in time (Timer B, ring time-out with nothing heard)
	Transport bool   // the request could not be sent
	Expired   bool   // the far end was gone: it did not refresh the session, or did not know it
	Media     bool   // no common codec, or media failed
	// Override is what the trunk's own table makes of Code; zero: the common one.
	Override Result
	Early    Heard // what was heard before the answer and says most of why there was none
}
