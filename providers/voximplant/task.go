package voximplant

import (
	"encoding/json"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// task is the custom data of a session: what docs/voximplant/scenario.js is to do.
// Our facade understands it, too.
type task struct {
	Version  int    `json:"v"` // 1
	Call     string `json:"call"`
	Attempt  string `json:"attempt"`
	To       string `json:"to"`
	From     string `json:"from,omitempty"`
	Ref      string `json:"ref,omitempty"`
	Callback string `json:"callback,omitempty"` // reports are posted there; it holds a secret

	Play         *speech        `json:"play,omitempty"` // nil: nothing is played
	Digits       [][]taskAction `json:"digits,omitempty"`
	Loop         bool           `json:"loop,omitempty"`
	Repeats      int            `json:"repeats,omitempty"`
	DigitTimeout int64          `json:"digit_timeout_ms,omitempty"`
	MaxInvalid   int            `json:"max_invalid,omitempty"`
	BargeIn      bool           `json:"barge_in,omitempty"`
	Invalid      *speech        `json:"invalid,omitempty"` // heard after a digit that does nothing
	SMSHeard     *speech        `json:"sms_heard,omitempty"`
	BlockHeard   *speech        `json:"block_heard,omitempty"`
	Manager      *taskManager   `json:"manager,omitempty"`
	AMD          *taskAMD       `json:"amd,omitempty"`
	Record       bool           `json:"record,omitempty"`
	RingTimeout  int64          `json:"ring_timeout_ms,omitempty"`
	MaxDuration  int64          `json:"max_duration_ms,omitempty"`
	SIP          string         `json:"sip,omitempty"` // the client is joined with this address instead
}

// speech is something that is played: a file or a text.
type speech struct {
	URL   string `json:"url,omitempty"`
	Text  string `json:"text,omitempty"`
	Voice string `json:"voice,omitempty"` // a name of the scenario's voices
}

// taskAction is one action of a digit, by the names that flows have.
type taskAction struct {
	Do     calls.ActionKind `json:"do"`
	Play   *speech          `json:"play,omitempty"`   // of record
	To     string           `json:"to,omitempty"`     // of managerPhone
	Digits [][]taskAction   `json:"digits,omitempty"` // valid after record; none: the same
}

// taskManager says how a manager is rung.
type taskManager struct {
	RingTimeout int64   `json:"ring_timeout_ms"`
	Busy        *speech `json:"busy,omitempty"`
}

// taskAMD says how answering machines are looked for and what follows.
type taskAMD struct {
	Model     string  `json:"model,omitempty"`
	Timeout   int64   `json:"timeout_ms"`
	Human     float64 `json:"human,omitempty"`
	Voicemail float64 `json:"voicemail,omitempty"`
	// OnMachine is play, hangup, message or retry, as of a flow; Message is left with
	// the machine. Wait: nothing is played before the verdict.
	OnMachine string  `json:"on_machine"`
	Message   *speech `json:"message,omitempty"`
	Wait      bool    `json:"wait,omitempty"`
}

// taskMaker writes tasks. speak finds what a clip is for the scenario; phone the number
// of a manager, or an error that refuses the call.
type taskMaker struct {
	settings *settings
	callback string
	speak    func(calls.RecordingRef) *speech
	phone    func(target string) (string, error)
}

// make writes the task of a call.
func (m taskMaker) make(r calls.PlaceRequest) (string, error) {
	t := task{Version: 1, Call: r.CallID, Attempt: r.Attempt, To: r.To, From: r.From, Ref: r.Ref, Callback: m.callback,
		RingTimeout: r.RingTimeout.Milliseconds(), MaxDuration: r.MaxDuration.Milliseconds()}
	if t.From == "" {
		t.From = m.settings.CallerID
	}
	if m.settings.Answers == "sip" {
		t.SIP = m.settings.SIPURI
		return t.text()
	}
	f := &r.Flow
	clip := func(id calls.ClipID) *speech {
		if ref, ok := f.Clips[id]; ok && id != "" {
			return m.speak(ref)
		}
		return nil
	}
	t.Play, t.Invalid, t.SMSHeard, t.BlockHeard = clip(f.Record), clip(f.InvalidRecord), clip(f.SMSRecord), clip(f.BlockRecord)
	t.Loop, t.Repeats, t.MaxInvalid, t.BargeIn = f.Loop, f.Repeats, f.MaxInvalid, f.BargeIn
	t.DigitTimeout, t.Record = time.Duration(f.DigitTimeout).Milliseconds(), f.Capture
	var err error
	if t.Digits, err = m.digits(f.Digits, clip); err != nil {
		return "", err
	}
	t.Manager = &taskManager{RingTimeout: time.Duration(f.Manager.RingTimeout).Milliseconds(), Busy: clip(f.Manager.BusyRecord)}
	if f.AMD.Mode != "off" && f.AMD.Mode != "" {
		a := m.settings.AMD
		t.AMD = &taskAMD{Model: a.Model, Timeout: time.Duration(a.Timeout).Milliseconds(), Human: a.Human, Voicemail: a.Voicemail,
			OnMachine: f.AMD.OnMachine, Message: clip(f.AMD.MessageRecord), Wait: f.AMD.Mode == "message_end"}
	}
	return t.text()
}

func (m taskMaker) digits(d calls.DigitMap, clip func(calls.ClipID) *speech) ([][]taskAction, error) {
	if d == nil {
		return nil, nil
	}
	out := make([][]taskAction, len(d))
	for i, list := range d {
		out[i] = make([]taskAction, 0, len(list))
		for _, a := range list {
			t := taskAction{Do: a.Kind}
			var err error
			switch a.Kind {
			case calls.ActionRecord:
				t.Play = clip(calls.ClipID(a.Value))
				t.Digits, err = m.digits(a.Digits, clip)
			case calls.ActionManager:
				t.To, err = m.phone(a.Value)
			}
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], t)
		}
	}
	return out, nil
}

// text writes a task without escaping what needs none in JSON.
func (t *task) text() (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(t)
	return strings.TrimSuffix(b.String(), "\n"), err
}
