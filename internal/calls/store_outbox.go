package calls

import "time"

// OutboxReads is what the outbox, and whoever looks at it, reads.
type OutboxReads interface {
	Deliveries(webhookID string, f DeliveryFilter) ([]Delivery, error) // newest first

	// LogPage lists up to limit events after a position, by Pos ascending,
	// without what fan-out does not need: Data, Line and the like are empty.
	LogPage(after int64, limit int) ([]LogEntry, error)
	// AnyCallWebhook reports whether any call ever had a webhook of its own.
	AnyCallWebhook() (bool, error)
	// OutboxTurn changes when something was made due other than by fan-out and
	// settlement: a replay, a webhook enabled, a credential put.
	OutboxTurn() (int64, error)

	// LiveDestinations lists who has something to deliver, due or not, with the
	// time the first of it is due.
	LiveDestinations() ([]LiveDestination, error)
	// DueLanes lists the lanes of a destination whose head is due at now,
	// longest due first, each with up to perLane of its deliveries and the
	// events of these. Of the first lanes of them, those that skip (may be nil)
	// names are passed over.
	DueLanes(destination string, now time.Time, skip func(webhookID, subject string) bool, lanes, perLane int) ([]Lane, error)
	// NextDue is when the next lane of a destination is due that is not due at
	// now; zero where there is none.
	NextDue(destination string, now time.Time) (time.Time, error)

	// Health is how a destination is doing; ErrNotFound: well.
	Health(destination string) (*DestinationHealth, error)
	UnwellDestinations() ([]DestinationHealth, error)

	// Backlog counts the undelivered deliveries and tells when the oldest of
	// them was made (zero time: there is none).
	Backlog() (pending int, oldest time.Time, err error)
	// DeadLetters counts the deliveries that were given up.
	DeadLetters() (int, error)

	// SinkState is what a sink remembers about a subject; "" is nothing.
	SinkState(webhookID, subject string) (string, error)
	Credential(account, name string) (*Credential, error)
	// PosAt is the first position of the log at or after t, about: events of
	// the same minute may stand on either side of it.
	PosAt(t time.Time) (int64, error)
	// EventPositions gives the log entries of these ids, those that exist.
	EventPositions(account string, ids []string) ([]LogEntry, error)
}

// OutboxWrites is what the outbox writes.
type OutboxWrites interface {
	// QueueDeliveries makes pending deliveries: of each the WebhookID, EventPos,
	// EventID and Subject count. What is on its way already, and what is for a
	// webhook that is gone, is passed over. Destinations that have a new head
	// are returned.
	QueueDeliveries(list []Delivery, now time.Time) (live []string, err error)
	// SettleDeliveries notes what attempts brought; deliveries that are gone are
	// passed over. A lane whose head is done gets its next one; destinations
	// with such lanes are returned.
	SettleDeliveries(list []Settlement) (live []string, err error)
	// GiveUp ends up to limit lanes' heads of a destination that have been due
	// since before t, with the words why, and tells how many.
	GiveUp(destination string, t, now time.Time, why string, limit int) (int, error)
	// ReplayDeliveries makes the events due again for a webhook, each at its
	// place in its lane, whether they were delivered, dead or never queued.
	ReplayDeliveries(webhookID string, events []LogEntry, now time.Time) (int, error)

	PutHealth(DestinationHealth) error
	// Recovered makes a destination well: its row goes, its lanes are due at now.
	Recovered(destination string, now time.Time) error

	PutCredential(Credential) error
	DeleteCredential(account, name string) error
}

// LogEntry is the part of an event that decides who gets it.
type LogEntry struct {
	Pos             int64
	ID, Account     string
	Subject, CallID string
	Type            EventType
	Time            time.Time
	CallHasWebhook  bool // a webhook of its own; only LogPage tells
}

// LiveDestination has something to deliver.
type LiveDestination struct {
	Destination string
	DueAt       time.Time
}

// Lane is the beginning of a lane: what is to be delivered next, in order.
type Lane struct {
	WebhookID, Subject string
	State              string // what the sink remembers of the subject
	Gap                bool   // an event before the first was given up, the receiver does not know
	Items              []QueuedEvent
}

// QueuedEvent is a delivery with its event; Event.ID is "" where that is no
// longer in the log.
type QueuedEvent struct {
	Delivery Delivery
	Event    Event
}

// Settlement is what one attempt made of a delivery.
type Settlement struct {
	Delivery Delivery // as it is now
	GapTold  bool     // the receiver was told of what was given up before it
	State    *string  // what the sink wants to remember of the subject; nil: as it was
}

// DestinationHealth is how a destination that is not well is doing.
type DestinationHealth struct {
	Destination  string
	Account      string
	FailingSince time.Time // zero: not failing
	Failures     int       // in a row
	ProbeAt      time.Time // the next attempt
	AuthFailedAt time.Time // zero: its credential works; else nothing is tried until one is put
	LastError    string
}

// Credential is a secret that changes by itself, such as OAuth tokens. Doc is a
// JSON object that only its sink understands. Changes is how often it was put.
type Credential struct {
	Account, Name string
	Doc           string
	Changes       int64
	UpdatedAt     time.Time
}
