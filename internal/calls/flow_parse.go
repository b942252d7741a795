package calls

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// ParseDigits reads the strict 0–9 array of DESIGN 4.3 from outside: the index
// is the digit, each element is {} or exactly one action. location is the place
// of the array in the request ("body.digits"); faults are located below it
// ("body.digits[3]"). All faults come back together in Error.Fields (up to
// [maxFaults]); the code is too-many-digits, bad-action or bad-json. Nothing and
// null are an empty map.
func ParseDigits(raw json.RawMessage, location string) (DigitMap, *Error) {
	p := &flowParser{strict: true}
	if !p.valid(raw, location) {
		return nil, p.err()
	}
	m := p.digits(raw, location, 1)
	return m, p.err()
}

// ParseFlow reads a flow object from outside over the defaults of DefaultFlow.
// Unlike in ParseDigits, digits may be a tree: an element may be
// {"actions":[…]}, and a record action may carry the "digits" that are valid
// after it, to MaxDepth. location is the place of the object ("body.flow").
// All faults come back together in Error.Fields; an option that is null is at
// its default.
func ParseFlow(raw json.RawMessage, location string) (Flow, *Error) {
	p := &flowParser{}
	flow := DefaultFlow()
	if !p.valid(raw, location) {
		return Flow{}, p.err()
	}
	p.options(raw, location, &flow, flowOptions)
	switch {
	case len(p.faults) > 0:
	case flow.AnswerOnly && flow.Record != "":
		p.fault(CodeInvalidField, at(location, "record"), "answer_only plays nothing: leave out record, or answer_only", nil)
	case !flow.AnswerOnly && flow.Record == "":
		p.fault(CodeInvalidField, at(location, "record"), "a flow needs the record that it plays (or answer_only)", nil)
	}
	if err := p.err(); err != nil {
		return Flow{}, err
	}
	return flow, nil
}

// ParseAMD reads the options of answering machine detection on their own: an object
// as in a flow, or the mode alone. What is left out has its default.
func ParseAMD(raw json.RawMessage, location string) (AMDOptions, *Error) {
	p := &flowParser{}
	if !p.valid(raw, location) {
		return AMDOptions{}, p.err()
	}
	if b := bytes.TrimSpace(raw); len(b) > 0 && b[0] == '"' {
		raw = json.RawMessage(`{"mode":` + string(b) + `}`)
	}
	flow := DefaultFlow()
	flowOptions["amd"](p, raw, location, &flow)
	if err := p.err(); err != nil {
		return AMDOptions{}, err
	}
	return flow.AMD, nil
}

// option reads one key of a flow object into it.
type option func(p *flowParser, raw json.RawMessage, location string, f *Flow)

// Ranges of the options.
const (
	maxRepeats      = 10
	maxInvalid      = 10
	minDigitTimeout = time.Second
	maxDigitTimeout = time.Minute
	minRingTimeout  = 5 * time.Second
	maxRingTimeout  = 2 * time.Minute
)

var flowOptions = map[string]option{
	"record":         clipOption(func(f *Flow) *ClipID { return &f.Record }),
	"invalid_record": clipOption(func(f *Flow) *ClipID { return &f.InvalidRecord }),
	"sms_record":     clipOption(func(f *Flow) *ClipID { return &f.SMSRecord }),
	"block_record":   clipOption(func(f *Flow) *ClipID { return &f.BlockRecord }),
	"loop":           boolOption(func(f *Flow) *bool { return &f.Loop }),
	"answer_only":    boolOption(func(f *Flow) *bool { return &f.AnswerOnly }),
	"barge_in":       boolOption(func(f *Flow) *bool { return &f.BargeIn }),
	"repeats":        intOption(maxRepeats, func(f *Flow) *int { return &f.Repeats }),
	"max_invalid":    intOption(maxInvalid, func(f *Flow) *int { return &f.MaxInvalid }),
	"digit_timeout":  durationOption(minDigitTimeout, maxDigitTimeout, func(f *Flow) *Duration { return &f.DigitTimeout }),
	"capture":        boolOption(func(f *Flow) *bool { return &f.Capture }),
	"digits": func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		f.Digits = p.digits(raw, location, 1)
	},
	"manager": func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		p.options(raw, location, f, managerOptions)
	},
	"amd": func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		p.options(raw, location, f, amdOptions)
		if f.AMD.OnMachine == OnMachineMessage && f.AMD.MessageRecord == "" {
			p.fault(CodeInvalidField, at(location, "message_record"), "on_machine is message: name the recording to leave in message_record", nil)
		}
	},
}

var managerOptions = map[string]option{
	"ring_timeout":   durationOption(minRingTimeout, maxRingTimeout, func(f *Flow) *Duration { return &f.Manager.RingTimeout }),
	"confirm":        wordOption(func(f *Flow) *Confirm { return &f.Manager.Confirm }, ConfirmNone, ConfirmDigit),
	"busy_record":    clipOption(func(f *Flow) *ClipID { return &f.Manager.BusyRecord }),
	"confirm_record": clipOption(func(f *Flow) *ClipID { return &f.Manager.ConfirmRecord }),
	"hold_record":    clipOption(func(f *Flow) *ClipID { return &f.Manager.HoldRecord }),
	"relay_digits":   boolOption(func(f *Flow) *bool { return &f.Manager.RelayDigits }),
}

var amdOptions = map[string]option{
	"mode":           wordOption(func(f *Flow) *string { return &f.AMD.Mode }, "off", "async", "message_end"),
	"on_machine":     wordOption(func(f *Flow) *string { return &f.AMD.OnMachine }, "play", "hangup", "message", "retry"),
	"message_record": clipOption(func(f *Flow) *ClipID { return &f.AMD.MessageRecord }),
	"early_media":    wordOption(func(f *Flow) *string { return &f.AMD.EarlyMedia }, EarlyListen, EarlyHangup, EarlyOff),
	"profile": func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		name, why := scalar(raw)
		if why == "" && (len(name) > maxProfile || !Printable(name)) {
			why = "the name of a profile has at most 64 bytes and no control characters"
		}
		if why != "" {
			p.fault(CodeInvalidField, location, why, raw)
			return
		}
		f.AMD.Profile = name
	},
}

// maxProfile bounds the name of a profile, in bytes.
const maxProfile = 64

func clipOption(field func(*Flow) *ClipID) option {
	return func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		s, why := scalar(raw)
		if why == "" {
			why = checkClip(s)
		}
		if why != "" {
			p.fault(CodeInvalidField, location, why, raw)
			return
		}
		*field(f) = ClipID(s)
	}
}

func boolOption(field func(*Flow) *bool) option {
	return func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		switch string(bytes.TrimSpace(raw)) {
		case "true":
			*field(f) = true
		case "false":
			*field(f) = false
		default:
			p.fault(CodeInvalidField, location, "must be true or false", raw)
		}
	}
}

// intOption reads a whole number from 1 to most.
func intOption(most int, field func(*Flow) *int) option {
	return func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		n, err := strconv.Atoi(string(bytes.TrimSpace(raw)))
		if err != nil || n < 1 || n > most {
			p.fault(CodeInvalidField, location, "must be a whole number from 1 to "+strconv.Itoa(most), raw)
			return
		}
		*field(f) = n
	}
}

func durationOption(least, most time.Duration, field func(*Flow) *Duration) option {
	return func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		var s string
		err := json.Unmarshal(raw, &s)
		d, err2 := time.ParseDuration(s)
		if err != nil || err2 != nil || d < least || d > most {
			p.fault(CodeInvalidField, location, "must be a duration from "+seconds(least)+" to "+seconds(most)+`, written like "5s"`, raw)
			return
		}
		*field(f) = Duration(d)
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d/time.Second)) + "s" }

// wordOption reads one of words.
func wordOption[T ~string](field func(*Flow) *T, words ...T) option {
	return func(p *flowParser, raw json.RawMessage, location string, f *Flow) {
		var s T
		if err := json.Unmarshal(raw, &s); err != nil || !slices.Contains(words, s) {
			list := ""
			for i, w := range words {
				if i > 0 {
					list += ", "
				}
				list += string(w)
			}
			p.fault(CodeInvalidField, location, "must be one of "+list, raw)
			return
		}
		*field(f) = s
	}
}

// options reads an object key by key with the readers of table.
func (p *flowParser) options(raw json.RawMessage, location string, f *Flow, table map[string]option) {
	members, ok := p.object(CodeInvalidField, raw, location)
	if !ok {
		return
	}
	for _, m := range members {
		read, known := table[m.key]
		switch {
		case !known:
			p.fault(CodeInvalidField, at(location, shorten(m.key)), "there is no such option; known are "+keysOf(table), nil)
		case !isNull(m.raw):
			read(p, m.raw, at(location, m.key), f)
		}
	}
}
