package salebot

import (
	"time"

	"zvonar/internal/calls"
)

// A BeelineCall is what a bot's dialog is told of a call at Beeline's Cloud PBX.
type BeelineCall struct {
	Direction calls.Direction
	Answered  bool
	Client    string // digits only; "" withheld
	Operator  string // the employee's number
	Employee  string // the employee's name, "" where he is only a number
	Start     time.Time
	Release   time.Time // zero: the call goes on
	Record    string    // address of the recording; "": none, or none yet
}

// beelineTime is how times stand in the variables: the facts do not tell the format,
// so it is the one that people of the platform write.
const beelineTime = "02.01.2006 15:04:05"

// BeelineCallOf reads the facts of a call of ours. e may be nil.
func BeelineCallOf(c *calls.Call, e *calls.Employee, record string) BeelineCall {
	b := BeelineCall{Direction: c.Direction, Answered: c.AnsweredAt != nil && c.Outcome != calls.OutcomeMissed,
		Client: c.To, Operator: c.From, Start: c.CreatedAt, Record: record}
	if c.Direction == calls.In {
		b.Client, b.Operator = c.From, c.To
	}
	if e != nil {
		b.Employee = e.Name
		for _, n := range []string{e.Subscriber, e.Extension, e.Phone} {
			if n != "" {
				b.Operator = n
			}
		}
	}
	if c.EndedAt != nil {
		b.Release = *c.EndedAt
	}
	return b
}

// kind is Incoming or Outgoing.
func (b BeelineCall) kind() string {
	if b.Direction == calls.In {
		return "Incoming"
	}
	return "Outgoing"
}

// Event is the text that the dialog receives.
func (b BeelineCall) Event() string { return "beeline_call_event " + b.kind() }

// Variables are the seven of the deal, with times of a zone (nil: UTC). What is not
// known is an empty text, so that nothing of an earlier call is left.
func (b BeelineCall) Variables(zone *time.Location) map[string]string {
	return map[string]string{
		"beeline_call_type":        b.kind(),
		"beeline_client_phone":     b.Client,
		"beeline_operator_phone":   b.Operator,
		"beeline_start_time":       written(b.Start, zone),
		"beeline_release_time":     written(b.Release, zone),
		"beeline_record_link":      b.Record,
		"beeline_call_description": b.Description(zone),
	}
}

// Description is the sentence about the call: when, whether it was taken, which way,
// and between whom.
func (b BeelineCall) Description(zone *time.Location) string {
	taken, way := "Пропущенный", "исходящий"
	if b.Answered {
		taken = "Принятый"
	}
	if b.Direction == calls.In {
		way = "входящий"
	}
	who, client := b.Employee, b.Client
	if who == "" {
		who = b.Operator
	}
	if client == "" {
		client = "номер скрыт"
	}
	return written(b.Start, zone) + " " + taken + " " + way + " звонок. Абонент: " + who + ". Клиент: " + client
}

func written(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(beelineTime)
}
