package calls

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what comes from outside.
const (
	maxDigits   = 10   // elements of a map
	maxList     = 10   // actions of one digit
	maxActions  = 1000 // actions of a whole tree
	maxSMSRunes = 1000
	maxClipName = 64
	maxManager  = 64
	maxFaults   = 50 // faults reported of one body
)

// flowParser reads a body and collects what is wrong with it.
type flowParser struct {
	strict  bool // the array of DESIGN 4.3: no lists, no nested maps
	trusted bool // our own stored form: shape is checked, values and limits are not
	actions int
	faults  []locatedFault
	unsaid  int // faults beyond maxFaults
}

type locatedFault struct {
	code Code
	FieldError
}

func (p *flowParser) fault(code Code, location, message string, value json.RawMessage) {
	if len(p.faults) >= maxFaults {
		p.unsaid++
		return
	}
	f := locatedFault{code, FieldError{Location: location, Message: message}}
	if len(value) > 0 {
		f.Value = shorten(string(bytes.TrimSpace(value)))
		if len(value) <= maxShown && json.Valid(value) {
			f.Value = json.RawMessage(slices.Clone(value))
		}
	}
	p.faults = append(p.faults, f)
}

// err is everything found so far; nil if that is nothing. Its code is that of
// the first fault, but too-many-digits goes before all.
func (p *flowParser) err() *Error {
	if len(p.faults) == 0 {
		return nil
	}
	first := p.faults[0]
	if i := slices.IndexFunc(p.faults, func(f locatedFault) bool { return f.code == CodeTooManyDigits }); i >= 0 {
		first = p.faults[i]
	}
	e := Errorf(first.code, "%s: %s", first.Location, first.Message)
	if more := len(p.faults) - 1 + p.unsaid; more > 0 {
		e.Detail += fmt.Sprintf(" (and %d more)", more)
	}
	for _, f := range p.faults {
		e.Fields = append(e.Fields, f.FieldError)
	}
	return e
}

// valid checks the syntax of the whole body once; nothing at all is valid.
func (p *flowParser) valid(raw json.RawMessage, location string) bool {
	if len(raw) > 0 && !json.Valid(raw) {
		p.fault(CodeBadJSON, location, "is not JSON", nil)
		return false
	}
	return true
}

// digits reads a map; depth is 1 for the outermost.
func (p *flowParser) digits(raw json.RawMessage, location string, depth int) DigitMap {
	if isNull(raw) {
		return nil
	}
	if depth > MaxDepth && !p.trusted {
		p.fault(CodeBadAction, location, fmt.Sprintf("maps may be nested to a depth of %d", MaxDepth), nil)
		return nil
	}
	elements, ok := array(raw)
	if !ok {
		p.fault(CodeBadAction, location, "must be an array whose index is the digit, each element {} or one action", raw)
		return nil
	}
	if len(elements) > maxDigits {
		p.fault(CodeTooManyDigits, location, fmt.Sprintf("has %d elements; there are ten digits", len(elements)), nil)
		elements = elements[:maxDigits]
	}
	m := make(DigitMap, len(elements))
	for i, el := range elements {
		m[i] = p.element(el, fmt.Sprintf("%s[%d]", location, i), depth)
	}
	return m
}

// element reads what one digit does.
func (p *flowParser) element(raw json.RawMessage, location string, depth int) []Action {
	members, ok := p.object(CodeBadAction, raw, location)
	if !ok || len(members) == 0 {
		return nil
	}
	if p.strict || members[0].key != "actions" || len(members) != 1 {
		if a, ok := p.action(members, raw, location, depth); ok {
			return []Action{a}
		}
		return nil
	}
	return p.list(members[0].raw, at(location, "actions"), depth)
}

// list reads {"actions":[…]}. What follows a record or a block would never run,
// so both may only stand last.
func (p *flowParser) list(raw json.RawMessage, location string, depth int) []Action {
	elements, ok := array(raw)
	if !ok || len(elements) == 0 || len(elements) > maxList && !p.trusted {
		p.fault(CodeBadAction, location, fmt.Sprintf("must be an array of 1 to %d actions", maxList), raw)
		return nil
	}
	var actions []Action
	for i, el := range elements {
		where := fmt.Sprintf("%s[%d]", location, i)
		members, ok := p.object(CodeBadAction, el, where)
		if !ok {
			continue
		}
		a, ok := p.action(members, el, where, depth)
		if !ok {
			continue
		}
		if i < len(elements)-1 && (a.Kind == ActionRecord || a.Kind == ActionBlock) && !p.trusted {
			p.fault(CodeBadAction, where, string(a.Kind)+" may only be the last of several actions", el)
		}
		actions = append(actions, a)
	}
	return actions
}

// valueCheck says what is wrong with an action's value, "" if nothing.
type valueCheck func(string) string

var actionKinds = map[string]valueCheck{
	string(ActionRecord):  checkClip,
	string(ActionManager): checkManager,
	string(ActionSMS):     checkSMS,
	string(ActionBlock):   checkBlock,
}

// action reads {kind: value}, with "digits" beside a record in a tree.
func (p *flowParser) action(members []member, whole json.RawMessage, location string, depth int) (a Action, ok bool) {
	if p.actions++; p.actions > maxActions && !p.trusted {
		if p.actions == maxActions+1 {
			p.fault(CodeBadAction, location, fmt.Sprintf("a flow may have %d actions in all", maxActions), nil)
		}
		return a, false
	}
	before := len(p.faults) + p.unsaid
	var nested *member
	for i, m := range members {
		check, known := actionKinds[m.key]
		switch {
		case m.key == "digits" && !p.strict:
			nested = &members[i]
		case !known:
			p.fault(CodeBadAction, location, fmt.Sprintf("there is no action %q; an action is one of record, managerPhone, smsText, needBlock", shorten(m.key)), whole)
		case a.Kind != "":
			p.fault(CodeBadAction, location, fmt.Sprintf("has both %s and %s; one element is exactly one action", a.Kind, m.key), whole)
		default:
			a.Kind = ActionKind(m.key)
			a.Value = p.value(m, check, location)
		}
	}
	if len(p.faults)+p.unsaid == before && a.Kind == "" {
		p.fault(CodeBadAction, location, "names no action: one of record, managerPhone, smsText, needBlock", whole)
	}
	if nested != nil {
		if a.Kind != ActionRecord && !p.trusted {
			p.fault(CodeBadAction, location, "digits may stand beside record only", whole)
		}
		a.Digits = p.digits(nested.raw, at(location, "digits"), depth+1)
	}
	return a, len(p.faults)+p.unsaid == before
}

// value reads and checks the value of one action.
func (p *flowParser) value(m member, check valueCheck, location string) string {
	s, why := scalar(m.raw)
	if why == "" && !p.trusted {
		why = check(s)
	}
	if why != "" {
		p.fault(CodeBadAction, location, m.key+" "+why, m.raw)
	}
	return s
}

// scalar reads a string or a whole number.
func scalar(raw json.RawMessage) (s, why string) {
	raw = bytes.TrimSpace(raw)
	const wrong = "must be a string or a whole number"
	if len(raw) == 0 {
		return "", wrong
	}
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", wrong
		}
		return s, ""
	}
	if !onlyDigits(string(raw)) {
		return "", wrong
	}
	return string(raw), ""
}

func onlyDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// checkClip wants the name of a recording: record_id or recording_id.
func checkClip(s string) string {
	switch {
	case s == "":
		return "is empty; write the record_id of an approved recording"
	case len(s) > maxClipName || strings.Trim(s, "0123456789_-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "":
		return "is not the name of a recording; write its record_id, like 1460168"
	}
	return ""
}

// checkManager wants some text that may be a number or an extension; admission
// decides, for it knows the countries and trunks.
func checkManager(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty; write the manager's number"
	case len(s) > maxManager:
		return fmt.Sprintf("is longer than %d characters; write one number", maxManager)
	case !Printable(s):
		return "has control characters"
	}
	return ""
}

func checkSMS(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty; write the text to send"
	case utf8.RuneCountInString(s) > maxSMSRunes:
		return fmt.Sprintf("is longer than %d characters", maxSMSRunes)
	case !Printable(s):
		return "has control characters or is not UTF-8"
	}
	return ""
}

func checkBlock(s string) string {
	if s != "1" && s != BlockCampaign && s != BlockNumber {
		return `must be "1", "campaign" or "number"; for a digit that does not block write {}`
	}
	return ""
}

// member is one key of an object, in the order of the text.
type member struct {
	key string
	raw json.RawMessage
}

// object reads {…}; a key given twice is a fault. raw is valid JSON.
func (p *flowParser) object(code Code, raw json.RawMessage, location string) ([]member, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		p.fault(code, location, "must be an object", raw)
		return nil, false
	}
	seen := map[string]bool{}
	var members []member
	for d.More() {
		t, err := d.Token()
		key, isKey := t.(string)
		var m member
		if err != nil || !isKey || d.Decode(&m.raw) != nil {
			p.fault(code, location, "is not JSON", nil)
			return nil, false
		}
		if seen[key] {
			p.fault(code, location, fmt.Sprintf("has the key %q twice", shorten(key)), nil)
			return nil, false
		}
		seen[key], m.key = true, key
		members = append(members, m)
	}
	return members, true
}

// array reads […] into its elements.
func array(raw json.RawMessage) ([]json.RawMessage, bool) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil || isNull(raw) {
		return nil, false
	}
	return elements, true
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// at is the location of a key.
func at(location, key string) string {
	if location == "" {
		return key
	}
	return location + "." + key
}

// maxShown is how much of a wrong value is shown back, in bytes.
const maxShown = 120

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

func keysOf(table map[string]option) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}
