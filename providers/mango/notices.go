package mango

// The notices of a call, as they are posted to events/….

// party is one side of a leg.
type party struct {
	Extension text `json:"extension,omitempty"`
	Number    text `json:"number,omitempty"`
	// TakenFrom is the leg out of which this one was made.
	TakenFrom   text `json:"taken_from_call_id,omitempty"`
	Line        text `json:"line_number,omitempty"` // of `to`
	Group       text `json:"acd_group,omitempty"`   // of `to`
	Transferred bool `json:"was_transferred,omitempty"`
	HoldsIt     bool `json:"hold_initiator,omitempty"`
}

// legState is where a leg stands.
type legState string

// The states of a leg.
const (
	legAppeared     legState = "Appeared"
	legConnected    legState = "Connected"
	legOnHold       legState = "OnHold"
	legDisconnected legState = "Disconnected"
)

// callNotice is events/call: a leg changed.
type callNotice struct {
	Entry     text     `json:"entry_id"` // one for all legs of a call, through transfers
	Call      text     `json:"call_id"`  // of the leg
	Timestamp number   `json:"timestamp"`
	Seq       number   `json:"seq"` // ascends within the leg; what is lower came late
	State     legState `json:"call_state"`
	Location  text     `json:"location"` // ivr, queue, abonent
	From      party    `json:"from"`
	To        party    `json:"to"`
	Reason    number   `json:"disconnect_reason,omitempty"` // of Disconnected
	Transfer  text     `json:"transfer,omitempty"`
	SIPCallID text     `json:"sip_call_id,omitempty"`
	Command   text     `json:"command_id,omitempty"`
	Initiator text     `json:"callback_initiator,omitempty"`
}

// The directions of a summary.
const (
	directionInternal number = 0
	directionIn       number = 1
	directionOut      number = 2
)

// summaryNotice is events/summary: the call is over.
type summaryNotice struct {
	Entry     text   `json:"entry_id"`
	Direction number `json:"call_direction"`
	From      party  `json:"from"`
	To        party  `json:"to"`
	Line      text   `json:"line_number,omitempty"`
	Created   number `json:"create_time"`
	Forwarded number `json:"forward_time"` // 0: nobody talked
	Talked    number `json:"talk_time"`    // seconds, or when the talk began; 0: nobody talked
	Ended     number `json:"end_time"`
	Result    number `json:"entry_result"`
	Reason    number `json:"disconnect_reason"`
	SIPCallID text   `json:"sip_call_id,omitempty"`
}

// dtmfNotice is events/dtmf: what was pressed in a menu, a whole sequence.
type dtmfNotice struct {
	Seq       number `json:"seq"`
	Digits    text   `json:"dtmf"`
	Timestamp number `json:"timestamp"`
	Call      text   `json:"call_id"`
	Entry     text   `json:"entry_id"`
	Location  text   `json:"location"`
	Initiator text   `json:"initiator"`
	From      text   `json:"from_number,omitempty"`
	To        text   `json:"to_number,omitempty"`
	Line      text   `json:"line_number,omitempty"`
}

// recordingNotice is events/recording: a recording goes on.
type recordingNotice struct {
	Recording  text   `json:"recording_id"`
	State      text   `json:"recording_state"` // Started, Continued, Completed
	Seq        number `json:"seq"`
	Entry      text   `json:"entry_id"`
	Call       text   `json:"call_id"`
	Extension  text   `json:"extension,omitempty"`
	Timestamp  number `json:"timestamp"`
	Completion number `json:"completion_code,omitempty"`
	Recipient  text   `json:"recipient"`
	Command    text   `json:"command_id,omitempty"`
}

// recordNotice is events/record/added: a recording can be had.
type recordNotice struct {
	Entry     text   `json:"entry_id"`
	Product   number `json:"product_id"`
	User      number `json:"user_id"` // -1: none
	Timestamp number `json:"timestamp"`
	Recording text   `json:"recording_id"`
}

// smsNotice is events/sms.
type smsNotice struct {
	Command   text   `json:"command_id"`
	Timestamp number `json:"timestamp"`
	Reason    number `json:"reason"`
}

// resultNotice is result/…: what a command came to.
type resultNotice struct {
	Command text   `json:"command_id,omitempty"`
	Result  number `json:"result"`
}

// statNotice is result/stat: statistics are ready.
type statNotice struct {
	Key     text `json:"key"`
	Request text `json:"request_id,omitempty"`
}

// The paths of notices below the address of the external system.
const (
	pathCall        = "events/call"
	pathSummary     = "events/summary"
	pathDTMF        = "events/dtmf"
	pathRecording   = "events/recording"
	pathRecordAdded = "events/record/added"
	pathSMS         = "events/sms"
	pathResult      = "result/"
	pathStat        = "result/stat"
	pathPing        = "ping"
)

// lastDigits is how many digits name a Russian number, whatever stands before them.
const lastDigits = 10

// sameNumber reports whether two spellings mean one telephone number.
func sameNumber(a, b string) bool {
	a, b = digits(a), digits(b)
	if a == "" || b == "" {
		return false
	}
	if a == b {
		return true
	}
	if len(a) < lastDigits || len(b) < lastDigits || len(a) > lastDigits+1 || len(b) > lastDigits+1 {
		return false
	}
	return national(a) && national(b) && a[len(a)-lastDigits:] == b[len(b)-lastDigits:]
}

// national reports whether a number of ten or eleven digits can be a Russian one.
func national(n string) bool { return len(n) == lastDigits || n[0] == '7' || n[0] == '8' }

// digits keeps the digits of a telephone number. A SIP address is none.
func digits(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			out = append(out, c)
		case c == '@' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			return ""
		}
	}
	return string(out)
}
