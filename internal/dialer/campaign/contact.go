package campaign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// The bounds of a contact.
const (
	maxVariables = 50
	maxName      = 64   // bytes of a variable's name
	maxValue     = 1000 // bytes of its value
	maxRef       = 128
	maxConsent   = 200
)

// field is what a column means.
type field string

// The fields of a contact. A column that is none of them is a variable.
const (
	fieldNumber    field = "number"
	fieldRef       field = "ref"
	fieldTimezone  field = "timezone"
	fieldRecord    field = "record_id"
	fieldDigits    field = "digits"
	fieldManager   field = "manager"
	fieldNotBefore field = "not_before"
	fieldBasis     field = "consent_basis"
	fieldGiven     field = "consent_at"
	fieldCategory  field = "consent_category"
	fieldVariables field = "variables" // an object; NDJSON only
)

// spellings are the heads of columns that are known for fields, in small letters.
var spellings = map[string]field{
	"number": fieldNumber, "phone": fieldNumber, "to": fieldNumber, "tel": fieldNumber, "phone_number": fieldNumber, "msisdn": fieldNumber,
	"client_phone": fieldNumber, "телефон": fieldNumber, "номер": fieldNumber, "номер телефона": fieldNumber,
	"ref": fieldRef, "id": fieldRef, "external_id": fieldRef,
	"timezone": fieldTimezone, "time_zone": fieldTimezone, "tz": fieldTimezone, "часовой пояс": fieldTimezone,
	"record_id": fieldRecord, "record": fieldRecord, "recording_id": fieldRecord, "запись": fieldRecord,
	"digits": fieldDigits, "manager": fieldManager, "managerphone": fieldManager, "менеджер": fieldManager,
	"not_before": fieldNotBefore, "variables": fieldVariables,
	"consent_basis": fieldBasis, "согласие": fieldBasis, "consent_at": fieldGiven, "дата согласия": fieldGiven, "consent_category": fieldCategory,
}

// Fields lists what a column may be mapped to.
func Fields() []string {
	return []string{string(fieldNumber), string(fieldRef), string(fieldTimezone), string(fieldRecord), string(fieldDigits), string(fieldManager), string(fieldNotBefore),
		string(fieldBasis), string(fieldGiven), string(fieldCategory)}
}

// headOf is how a column's head is compared.
func headOf(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// reader makes contacts of records.
type reader struct {
	country   string // of numbers written without one
	countries []string
	zones     map[string]error // time zones that were asked for
}

// badField is what is wrong with one field of a line.
type badField struct {
	field string
	words string
}

func (b *badField) Error() string { return b.words }

func bad(f field, format string, args ...any) *badField {
	return &badField{string(f), fmt.Sprintf(format, args...)}
}

// set puts what stands in a column into a contact.
func (r *reader) set(t *calls.Contact, f field, name, value string) *badField {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil
	}
	switch f {
	case fieldNumber:
		return r.number(t, value)
	case fieldRef:
		if len(value) > maxRef || !calls.Printable(value) {
			return bad(f, "a ref has at most %d bytes and no control characters", maxRef)
		}
		t.Ref = value
	case fieldTimezone:
		if err := r.zone(value); err != nil {
			return bad(f, "%q is no time zone; write it like Asia/Yekaterinburg", calls.Clean(value, 40))
		}
		t.Timezone = value
	case fieldRecord:
		if len(value) > maxName || !calls.Printable(value) {
			return bad(f, "a recording is named by its record_id or recording_id")
		}
		t.Record = calls.ClipID(value)
	case fieldManager:
		if len(value) > maxName || !calls.Printable(value) {
			return bad(f, "a manager is a number, or an extension at a trunk: 201@office")
		}
		t.Manager = value
	case fieldNotBefore:
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return bad(f, "a time is written like 2026-11-21T09:00:00+03:00")
		}
		t.NotBefore, t.Turn = &at, at.UnixMicro()
	case fieldBasis, fieldGiven, fieldCategory:
		return r.consent(t, f, value)
	case fieldDigits:
		digits, err := calls.ParseDigits(json.RawMessage(value), "digits")
		if err != nil {
			return bad(f, "%s", err.Detail)
		}
		t.Digits = digits
	default:
		return r.variable(t, name, value)
	}
	return nil
}

// consent notes a part of why somebody may be called.
func (r *reader) consent(t *calls.Contact, f field, value string) *badField {
	if len(value) > maxConsent || !calls.Printable(value) {
		return bad(f, "a consent is told in at most %d bytes without control characters", maxConsent)
	}
	if t.Consent == nil {
		t.Consent = &calls.Consent{}
	}
	switch f {
	case fieldBasis:
		t.Consent.Basis = value
	case fieldCategory:
		t.Consent.Category = value
	default:
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return bad(f, "a time is written like 2026-11-21T09:00:00+03:00")
		}
		t.Consent.At = &at
	}
	return nil
}

func (r *reader) number(t *calls.Contact, value string) *badField {
	number, err := numbering.Normalize(value, r.country)
	if err == nil {
		err = numbering.Allowed(number, r.countries)
	}
	if err != nil {
		_, words, _ := strings.Cut(err.Error(), ": ")
		return bad(fieldNumber, "%s", words)
	}
	t.Number = number
	return nil
}

func (r *reader) zone(name string) error {
	err, known := r.zones[name]
	if !known {
		if name == "Local" {
			err = fmt.Errorf("no zone")
		} else {
			_, err = time.LoadLocation(name)
		}
		if len(r.zones) < 1000 {
			r.zones[name] = err
		}
	}
	return err
}

func (r *reader) variable(t *calls.Contact, name, value string) *badField {
	switch {
	case name == "":
		return nil // a column without a head
	case len(name) > maxName || !calls.Printable(name):
		return &badField{calls.Clean(name, maxName), fmt.Sprintf("the name of a variable has at most %d bytes and no control characters", maxName)}
	case len(t.Variables) == maxVariables:
		return &badField{name, fmt.Sprintf("a contact has at most %d variables", maxVariables)}
	case len(value) > maxValue:
		return &badField{name, fmt.Sprintf("a variable has at most %d bytes", maxValue)}
	}
	if strings.ContainsAny(value, "\n\t") {
		value = strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(value)
	}
	if !calls.Printable(value) {
		return &badField{name, "control characters are not allowed here"}
	}
	if t.Variables == nil {
		t.Variables = map[string]string{}
	}
	t.Variables[name] = value
	return nil
}

// finish checks what a contact must have, and finds its time zones.
func (r *reader) finish(t *calls.Contact) *badField {
	if t.Number == "" {
		return bad(fieldNumber, "the line has no number")
	}
	if t.Timezone != "" {
		t.Zones = t.Timezone
		return nil
	}
	t.Zones = calls.ContactZoneKey(numbering.Zones(t.Number))
	return nil
}

// object makes a contact of one line of NDJSON.
func (r *reader) object(line []byte, columns map[string]field) (*calls.Contact, *badField) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var members map[string]any
	if err := d.Decode(&members); err != nil || d.More() {
		return nil, &badField{"", "the line is no JSON object"}
	}
	t := &calls.Contact{}
	for name, v := range members {
		f := columns[headOf(name)]
		if known, ok := spellings[headOf(name)]; ok && f == "" {
			f = known
		}
		if f == fieldVariables {
			inner, ok := v.(map[string]any)
			if !ok {
				return nil, bad(f, "variables must be an object")
			}
			for name, v := range inner {
				if wrong := r.member(t, "", name, v); wrong != nil {
					return nil, wrong
				}
			}
			continue
		}
		if wrong := r.member(t, f, name, v); wrong != nil {
			return nil, wrong
		}
	}
	if wrong := r.finish(t); wrong != nil {
		return nil, wrong
	}
	return t, nil
}

// member puts a JSON value into a contact.
func (r *reader) member(t *calls.Contact, f field, name string, v any) *badField {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return r.set(t, f, name, v)
	case json.Number:
		return r.set(t, f, name, v.String())
	case bool:
		return r.set(t, f, name, fmt.Sprint(v))
	}
	if f == fieldDigits {
		raw, err := json.Marshal(v)
		if err == nil {
			return r.set(t, f, name, string(raw))
		}
	}
	return &badField{calls.Clean(name, maxName), "must be a text or a number"}
}
