package beeline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// What an XSI event may cost. The largest are snapshots of a whole group.
const (
	maxEvent = 256 << 10 // bytes
	maxDepth = 24
	maxNodes = 6000
	maxValue = 300 // bytes of one value that are kept
)

// Types of events, as the eventData of an event names them (its prefix aside).
const (
	eventReceived    = "CallReceivedEvent"
	eventOriginating = "CallOriginatingEvent"
	eventOriginated  = "CallOriginatedEvent"
	eventAnswered    = "CallAnsweredEvent"
	eventUpdated     = "CallUpdatedEvent"
	eventHeld        = "CallHeldEvent"
	eventRetrieved   = "CallRetrievedEvent"
	eventTransferred = "CallTransferredEvent"
	eventRedirected  = "CallRedirectedEvent"
	eventReleasing   = "CallReleasingEvent"
	eventReleased    = "CallReleasedEvent"
	eventSnapshot    = "CallSubscriptionEvent"
	eventTerminated  = "SubscriptionTerminatedEvent"
)

// Personalities: what a call is to the subscriber of whom it is told.
const (
	personOriginator  = "Originator"
	personTerminator  = "Terminator"
	personClickToDial = "Click-to-Dial"
)

// Event is one XSI event: who was told of what.
type Event struct {
	Type         string // of its data, without prefix
	ID           string
	Sequence     int64
	User         string // whose calls these are
	Subscription string
	Target       string // whom the subscription is for
	Calls        []Call // one; a snapshot has any number
}

// Call is a call as one subscriber sees it.
type Call struct {
	ID          string // of this subscriber's half
	Tracking    string // the same for all halves and legs; "": not told
	Network     string
	Personality string
	State       string // Alerting, Active, Held, Released, …
	Remote      Remote
	Start,
	Answer,
	Detached,
	Release time.Time // zero: not told
	ReleasedBy  string // localRelease, remoteRelease
	Cause       string // Busy, Temporarily Unavailable, Forbidden, …
	Termination string
	HuntGroup   string
	AcdUser     string
	Redirected  []Remote // by whom, the newest first
	Recorded    bool
}

// Remote is the other party of a call.
type Remote struct {
	Name, Address, User, DN, Privacy, CallType string
}

// Number is the digits of the party, "" where they are withheld or not told.
func (r Remote) Number() string {
	if n := numberOf(r.Address); n != "" {
		return n
	}
	return numberOf(r.DN)
}

// node is an element of a document: local names only, for prefixes vary.
type node struct {
	name, kind, text string
	kids             []*node
}

// at walks down by names; nil where there is nothing.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		var next *node
		if n != nil {
			for _, k := range n.kids {
				if k.name == name {
					next = k
					break
				}
			}
		}
		if n = next; n == nil {
			return nil
		}
	}
	return n
}

// value is the text at a path, fit for a log.
func (n *node) value(path ...string) string {
	if n = n.at(path...); n == nil {
		return ""
	}
	return calls.Clean(strings.TrimSpace(n.text), maxValue)
}

func (n *node) instant(path ...string) time.Time {
	ms, err := strconv.ParseInt(n.value(path...), 10, 64)
	if err != nil || ms <= 0 || ms > 1e14 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

var errTooComplex = errors.New("the document is nested too deeply or has too many elements")

// parseTree reads a document without entities, instructions and DTD, within the
// bounds above: whoever sends anything else is not Beeline.
func parseTree(b []byte) (*node, error) {
	if len(b) > maxEvent {
		return nil, errTooComplex
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	root := &node{}
	open := []*node{root}
	for nodes := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("it is not XML: %w", err)
		}
		top := open[len(open)-1]
		switch x := t.(type) {
		case xml.Directive:
			return nil, errors.New("a document type is not allowed")
		case xml.ProcInst:
			if x.Target != "xml" {
				return nil, errors.New("processing instructions are not allowed")
			}
		case xml.StartElement:
			nodes++
			if nodes > maxNodes || len(open) > maxDepth {
				return nil, errTooComplex
			}
			n := &node{name: x.Name.Local, kind: kindOf(x.Attr)}
			top.kids, open = append(top.kids, n), append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(top.text) <= maxValue*4 {
				top.text += string(x)
			}
		}
	}
	if len(root.kids) != 1 {
		return nil, errors.New("it is not one document")
	}
	return root.kids[0], nil
}

// kindOf is the xsi:type of an element, without prefixes.
func kindOf(attrs []xml.Attr) string {
	for _, a := range attrs {
		if a.Name.Local == "type" {
			return a.Value[strings.LastIndexByte(a.Value, ':')+1:]
		}
	}
	return ""
}

// ParseEvent reads an XSI event. Namespace prefixes do not matter, elements that we
// do not know neither; what comes is bounded (maxEvent and its like).
func ParseEvent(b []byte) (Event, error) {
	root, err := parseTree(b)
	if err != nil {
		return Event{}, err
	}
	if root.name != "Event" {
		return Event{}, fmt.Errorf("the document is a %s, not an Event", calls.Clean(root.name, 40))
	}
	e := Event{ID: root.value("eventID"), User: root.value("userId"), Subscription: root.value("subscriptionId"), Target: root.value("targetId")}
	e.Sequence, _ = strconv.ParseInt(root.value("sequenceNumber"), 10, 64)
	data := root.at("eventData")
	if data != nil {
		e.Type = data.kind
	}
	if root.kind == eventTerminated { // the subscription itself has no data
		e.Type = eventTerminated
	}
	e.Type = calls.Clean(e.Type, 60)
	if e.Subscription == "" {
		return Event{}, errors.New("the event has no subscriptionId")
	}
	if e.Type == "" {
		return Event{}, errors.New("the event does not say what it is")
	}
	e.Calls = callsOf(data)
	return e, nil
}

// callsOf finds the calls of eventData, one or a list of them.
func callsOf(data *node) (list []Call) {
	if data == nil {
		return nil
	}
	for _, k := range data.kids {
		switch k.name {
		case "call":
			if c := callOf(k); c.ID != "" {
				list = append(list, c)
			}
		case "calls":
			list = append(list, callsOf(k)...)
		}
	}
	return list
}

func callOf(n *node) Call {
	c := Call{ID: n.value("callId"), Tracking: n.value("extTrackingId"), Network: n.value("networkCallId"),
		Personality: n.value("personality"), State: n.value("state"), Remote: remoteOf(n.at("remoteParty")),
		Start: n.instant("startTime"), Answer: n.instant("answerTime"), Detached: n.instant("detachedTime"), Release: n.instant("releaseTime"),
		ReleasedBy: n.value("releasingParty"), Cause: n.value("releaseCause", "internalReleaseCause"), Termination: n.value("cdrTerminationCause"),
		HuntGroup: n.value("huntGroupUserId"), AcdUser: n.value("acdCallInfo", "acdUserId"), Recorded: n.value("recorded") == "true"}
	if c.Cause == "" {
		c.Cause = n.value("releaseCause")
	}
	if r := n.at("redirections"); r != nil {
		for _, k := range r.kids {
			c.Redirected = append(c.Redirected, remoteOf(k.at("party")))
		}
	}
	return c
}

func remoteOf(n *node) Remote {
	return Remote{Name: n.value("name"), Address: n.value("address"), User: n.value("userId"), DN: n.value("userDN"),
		Privacy: n.value("privacy"), CallType: n.value("callType")}
}
