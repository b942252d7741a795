package beeline

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Abonent is a subscriber of the PBX.
type Abonent struct {
	UserID     string `json:"userId"`
	Phone      string `json:"phone"`
	FirstName  string `json:"firstName"`
	LastName   string `json:"lastName"`
	Email      string `json:"email"`
	Department string `json:"department"`
	Extension  string `json:"extension"`
}

// Record is a recording of a talk. Its id, date and duration come as numbers or as
// strings; we write them as the portal does.
type Record struct {
	ID         string   `json:"id"`
	ExternalID string   `json:"externalId"` // extTrackingId of the events
	Phone      string   `json:"phone"`
	Direction  string   `json:"direction"` // INBOUND, OUTBOUND
	Date       Millis   `json:"date"`
	Duration   Millis   `json:"duration"`
	FileSize   Millis   `json:"fileSize"`
	Comment    string   `json:"comment"`
	Abonent    *Abonent `json:"abonent"`
}

// Stat is a line of the statistics. Version 2 has both numbers of a call.
type Stat struct {
	StartDate   Millis   `json:"startDate"`
	Abonent     *Abonent `json:"abonent"`
	Direction   string   `json:"direction"`
	Status      string   `json:"status"`
	Phone       string   `json:"phone,omitempty"`
	PhoneFrom   string   `json:"phone_from,omitempty"`
	PhoneTo     string   `json:"phone_to,omitempty"`
	Duration    Millis   `json:"duration"`
	Department  string   `json:"department"`
	CallForward bool     `json:"callForward"`
}

// Statuses of the statistics; RECIEVED is the portal's spelling.
const (
	statPlaced   = "PLACED"
	statReceived = "RECIEVED"
	statMissed   = "MISSED"
)

// Directions of records and statistics.
const (
	inbound  = "INBOUND"
	outbound = "OUTBOUND"
)

// Subscription is an order for events.
type Subscription struct {
	SubscriptionID   string `json:"subscriptionId,omitempty"`
	Pattern          string `json:"pattern,omitempty"`
	TargetType       string `json:"targetType,omitempty"` // GROUP, ABONENT, NUMBER
	TargetID         string `json:"targetId,omitempty"`
	SubscriptionType string `json:"subscriptionType,omitempty"`
	Expires          Millis `json:"expires"` // seconds
	URL              string `json:"url,omitempty"`
}

// Failure is how the portal says no.
type Failure struct {
	ErrorCode   string `json:"errorCode"`
	Description string `json:"description"`
}

// Millis is a whole number that is written as one and read from a number or a
// string: milliseconds mostly. What is no number is 0.
type Millis int64

// UnmarshalJSON reads it.
func (m *Millis) UnmarshalJSON(b []byte) error {
	text := strings.Trim(strings.TrimSpace(string(b)), `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr != nil || f < -1e15 || f > 1e15 || f != f {
			*m = 0
			return nil
		}
		n = int64(f)
	}
	*m = Millis(n)
	return nil
}

// Time is the instant that it counts to; zero: not told.
func (m Millis) Time() time.Time {
	if m <= 0 || m > 1e14 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// UnmarshalJSON reads a record whose id may be a number.
func (r *Record) UnmarshalJSON(b []byte) error {
	type plain Record
	x := struct {
		*plain
		ID         json.RawMessage `json:"id"`
		ExternalID json.RawMessage `json:"externalId"`
		FileSize   json.RawMessage `json:"fileSize"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	r.ID, r.ExternalID = bare(x.ID), bare(x.ExternalID)
	n, _ := strconv.ParseInt(bare(x.FileSize), 10, 64)
	r.FileSize = Millis(n)
	return nil
}

// maxWord bounds ids and words that the portal answers with, in bytes.
const maxWord = 200

// bare is a simple answer as text: a JSON string, a number, a boolean, or what is no
// JSON at all ("ON", a call id). "" for anything else.
func bare(b []byte) string {
	b = bytes.TrimSpace(b)
	s, err := tolerance.Text(b)
	if err != nil && strings.ContainsRune(`{["<`, rune(b[0])) {
		return "" // an object, broken JSON, or a page
	}
	if err != nil {
		s = string(b)
	}
	return calls.Clean(strings.TrimSpace(s), maxWord)
}

// tolerance is that of the portal's texts.
var tolerance = providers.Tolerance{True: "true", False: "false"}

// named is a simple answer, or the first of these fields of an object, wherever the
// portal puts what it says.
func named(b []byte, fields ...string) string {
	if text := bare(b); text != "" {
		return text
	}
	v, err := providers.ParseJSON(b)
	if err != nil {
		return ""
	}
	for _, f := range fields {
		if text, ok := providers.Lookup(v, f); ok && text != "" && text != "null" {
			return calls.Clean(text, maxWord)
		}
	}
	return ""
}
