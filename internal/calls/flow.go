package calls

import (
	"encoding/json"
	"time"
)

// ActionKind is what a digit does. The names are the field's own (DESIGN 1).
type ActionKind string

// The action kinds.
const (
	ActionRecord  ActionKind = "record"       // play the next clip
	ActionManager ActionKind = "managerPhone" // forward to a manager
	ActionSMS     ActionKind = "smsText"      // send an SMS to the callee
	ActionBlock   ActionKind = "needBlock"    // put the callee on the blacklist
)

// Action is one thing a digit does. Digits, if not nil, is the map that is
// valid after a record action; nil means "the same map" (DESIGN 4.3).
type Action struct {
	Kind   ActionKind
	Value  string
	Digits DigitMap
}

// DigitMap is what each digit does: the index is the digit, at most ten, the
// element a list of actions in order (the strict outside form has one or none).
// Its JSON form is the strict 0–9 array; see ParseDigits.
type DigitMap [][]Action

// MaxDepth is how deep maps may be nested.
const MaxDepth = 5

// Lookup gives the actions of a digit ('0'–'9'); nil where it does nothing.
func (m DigitMap) Lookup(digit byte) []Action {
	i := int(digit) - '0'
	if i < 0 || i >= len(m) {
		return nil
	}
	return m[i]
}

// Empty reports whether no digit does anything.
func (m DigitMap) Empty() bool {
	for _, a := range m {
		if len(a) > 0 {
			return false
		}
	}
	return true
}

// Duration is a time.Duration written as "5s" in JSON and YAML.
type Duration time.Duration

// MarshalText writes "5s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "5s".
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return Errorf(CodeInvalidField, "%q is not a duration; write it like \"5s\" or \"1m30s\"", string(b))
	}
	*d = Duration(v)
	return nil
}

// Confirm says whether a manager must press a digit before he is connected.
type Confirm string

// The confirm modes.
const (
	ConfirmNone  Confirm = "none"
	ConfirmDigit Confirm = "digit"
)

// ManagerOptions says how a manager is rung.
type ManagerOptions struct {
	RingTimeout Duration `json:"ring_timeout" yaml:"ring_timeout"`
	Confirm     Confirm  `json:"confirm" yaml:"confirm"`
	BusyRecord  ClipID   `json:"busy_record,omitempty" yaml:"busy_record"`
	// ConfirmRecord is played to the manager, over and over, until he presses a
	// digit; a beep where it is empty.
	ConfirmRecord ClipID `json:"confirm_record,omitempty" yaml:"confirm_record"`
	// HoldRecord is what one party hears, over and over, while the other holds the
	// talk; a soft beep every eight seconds where it is empty.
	HoldRecord ClipID `json:"hold_record,omitempty" yaml:"hold_record"`
	// RelayDigits passes the caller's digits on to the manager while they talk. The
	// manager's are always passed on.
	RelayDigits bool `json:"relay_digits,omitempty" yaml:"relay_digits"`
}

// AMDOptions says whether answering machines are looked for and what follows.
type AMDOptions struct {
	Mode          string `json:"mode" yaml:"mode"`             // off, async, message_end
	OnMachine     string `json:"on_machine" yaml:"on_machine"` // play, hangup, message, retry
	MessageRecord ClipID `json:"message_record,omitempty" yaml:"message_record"`
	// Profile names the limits by which is judged; "": those of the trunk or of the
	// callee's country.
	Profile string `json:"profile,omitempty" yaml:"profile"`
	// EarlyMedia says what is done with the sound before the answer: listen, hangup
	// (the call ends with a sound that says nobody will answer), off; "": as the
	// trunk is configured.
	EarlyMedia string `json:"early_media,omitempty" yaml:"early_media"`
}

// ClipID names a recording as users do: the numeric record_id ("1460168") or
// the recording_id. Numbers and strings are both read; it is written as a string.
type ClipID string

// UnmarshalJSON reads a string or a number.
func (c *ClipID) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err == nil {
		*c = ClipID(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return Errorf(CodeInvalidField, "a recording is named by a string or a number")
	}
	*c = ClipID(n.String())
	return nil
}

// Flow is what happens on an answered leg (DESIGN 4.3). Read one with
// ParseFlow, which applies the defaults and finds every fault; the zero Flow is
// not valid.
type Flow struct {
	Record        ClipID         `json:"record,omitempty" yaml:"record"`
	Digits        DigitMap       `json:"digits" yaml:"digits"`
	Loop          bool           `json:"loop" yaml:"loop"`
	AnswerOnly    bool           `json:"answer_only" yaml:"answer_only"`
	Repeats       int            `json:"repeats" yaml:"repeats"`
	DigitTimeout  Duration       `json:"digit_timeout" yaml:"digit_timeout"`
	MaxInvalid    int            `json:"max_invalid" yaml:"max_invalid"`
	BargeIn       bool           `json:"barge_in" yaml:"barge_in"`
	InvalidRecord ClipID         `json:"invalid_record,omitempty" yaml:"invalid_record"`
	SMSRecord     ClipID         `json:"sms_record,omitempty" yaml:"sms_record"`
	BlockRecord   ClipID         `json:"block_record,omitempty" yaml:"block_record"`
	Manager       ManagerOptions `json:"manager" yaml:"manager"`
	Capture       bool           `json:"capture" yaml:"capture"`
	AMD           AMDOptions     `json:"amd" yaml:"amd"`

	// Bridge makes it a talk between two parties (POST /v1/bridges); nil: a flow.
	Bridge *Bridge `json:"bridge,omitempty" yaml:"-"`

	// Dictate makes it one in which the callee speaks a recording; nil: a flow.
	Dictate *Dictation `json:"dictate,omitempty" yaml:"-"`

	// Clips pins every ClipID of the flow to the content that was approved when
	// the call was accepted: name → reference. Filled at admission.
	Clips map[ClipID]RecordingRef `json:"clips,omitempty" yaml:"-"`
}

// DefaultFlow is the flow with every option at its published default.
func DefaultFlow() Flow {
	return Flow{
		Repeats: 1, DigitTimeout: Duration(5 * time.Second), MaxInvalid: 3, BargeIn: true,
		Manager: ManagerOptions{RingTimeout: Duration(25 * time.Second), Confirm: ConfirmNone},
		AMD:     AMDOptions{Mode: "off", OnMachine: "play"},
	}
}
