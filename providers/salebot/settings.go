package salebot

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// The dialects: the events and variables of which integration of the platform a
// destination is told in.
const (
	dialectOwn      = "zvonar"   // every event of a call
	dialectBeeline  = "beeline"  // beeline_call_event and its seven variables, once a call is over
	dialectZvonobot = "zvonobot" // a notice of the finish or of the cancellation
)

// settings are those of a destination of this kind.
type settings struct {
	Dialect string `json:"dialect"`
	// Timezone is the project's, for times in variables.
	Timezone string `json:"timezone"`
	// TimeFormat is that of times, as Go writes one; "": 31.12.2026 23:59:00.
	TimeFormat string `json:"time_format"`
	// Scope is where variables are kept: deal, or client.
	Scope string `json:"scope"`
	// Messenger is the WhatsApp bot to make clients in that nobody knows; auto asks
	// the platform which is connected, none makes telephony clients.
	Messenger string `json:"messenger"`
	// Names are other names of texts and variables, by ours: those of Zvonobot's
	// notices are not published.
	Names map[string]string `json:"names"`
	// ResumeBot wakes a bot that was stopped for the client.
	ResumeBot bool `json:"resume_bot"`
	// Rate is how many events a second are told; 0: 1. Each is up to five requests.
	Rate float64 `json:"rate"`

	zone *time.Location
}

const (
	messengerAuto = "auto"
	messengerNone = "none"
	timeFormat    = "02.01.2006 15:04:05"
)

// readSettings reads those of a destination; an error names the key.
func readSettings(raw json.RawMessage) (set settings, err error) {
	set = settings{Dialect: dialectOwn, Timezone: "Europe/Moscow", TimeFormat: timeFormat, Scope: "deal", Messenger: messengerAuto, Rate: 1}
	if len(bytes.TrimSpace(raw)) > 0 && string(bytes.TrimSpace(raw)) != "null" {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&set); err != nil {
			return set, errors.New("dialect, timezone, time_format, scope, messenger, names, resume_bot and rate are known; " + calls.Clean(err.Error(), 100))
		}
	}
	set.zone, err = time.LoadLocation(set.Timezone)
	switch {
	case err != nil || set.Timezone == "" || set.Timezone == "Local":
		return set, errors.New("timezone: a name such as Europe/Moscow")
	case !slices.Contains([]string{dialectOwn, dialectBeeline, dialectZvonobot}, set.Dialect):
		return set, errors.New("dialect: zvonar, beeline or zvonobot")
	case set.Scope != "deal" && set.Scope != "client":
		return set, errors.New("scope: deal or client")
	case set.Rate <= 0 || set.Rate > 50:
		return set, errors.New("rate: events a second, up to 50")
	case set.TimeFormat == "" || set.Messenger == "" || !calls.Printable(set.TimeFormat+set.Messenger):
		return set, errors.New("time_format and messenger: not empty, without control characters")
	}
	for ours, name := range set.Names {
		if name == "" || len(name) > 100 || !calls.Printable(name) {
			return set, errors.New("names: " + calls.Clean(ours, 40) + " needs another name")
		}
	}
	return set, nil
}

// name is how a text or variable is called there.
func (s settings) name(ours string) string {
	if other, has := s.Names[ours]; has {
		return other
	}
	return ours
}

// variable is the name of a variable with its scope before it.
func (s settings) variable(ours string) string {
	name := s.name(ours)
	if s.Scope == "client" && !strings.HasPrefix(name, "client.") {
		return "client." + name
	}
	return name
}

// time writes an optional time.
func (s settings) time(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.In(s.zone).Format(s.TimeFormat)
}

// keyForm is what an API key of the platform looks like; it stands in paths.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9_\-]{8,128}$`)
