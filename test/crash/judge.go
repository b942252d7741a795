package crash

import (
	"fmt"
	"slices"
	"time"
)

// clockGrace is how far apart the daemon and a far end on the same busy machine
// may note one moment: SIPp stamps a message when it reads it.
const clockGrace = 3 * time.Second

// rule is one promise. find reports every time it was broken.
type rule struct {
	name    string
	promise string
	find    func(x *index, broken report)
}

// report takes one violation of the rule that is being looked at.
type report func(subject string, at time.Time, format string, args ...any)

// rules lists every promise, in the order of the report.
func rules() []rule {
	return slices.Concat(callRules, logRules, deliveryRules)
}

// judge holds the history against every rule.
func judge(h *history) (found []violation) {
	x := newIndex(h)
	for _, r := range rules() {
		r.find(x, func(subject string, at time.Time, format string, args ...any) {
			found = append(found, violation{Rule: r.name, Subject: subject, Text: fmt.Sprintf(format, args...), At: at})
		})
	}
	return found
}

// index is a history, sorted for the rules.
type index struct {
	*history
	byID      map[string]event
	bySubject map[string][]event
	completed map[string]event // by call: its first call.completed
	answered  map[string]bool  // calls whose answer is in the log
	bridged   map[string]bool
	byRef     map[string][]string // ids of the calls with the ref, from the log
	byTo      map[string][]string // ids of the calls for the number
	attempts  map[string]string   // call by the SIP Call-ID of its attempt
}

func newIndex(h *history) *index {
	x := &index{history: h, byID: map[string]event{}, bySubject: map[string][]event{}, completed: map[string]event{},
		answered: map[string]bool{}, bridged: map[string]bool{}, byRef: map[string][]string{}, byTo: map[string][]string{}, attempts: map[string]string{}}
	for _, e := range h.Log {
		x.byID[e.ID] = e
		x.bySubject[e.Subject] = append(x.bySubject[e.Subject], e)
		if e.Ref != "" && e.CallID != "" && !slices.Contains(x.byRef[e.Ref], e.CallID) {
			x.byRef[e.Ref] = append(x.byRef[e.Ref], e.CallID)
		}
		switch e.Type {
		case "call.queued":
			x.byTo[e.Facts.To] = append(x.byTo[e.Facts.To], e.CallID)
		case "call.answered":
			x.answered[e.CallID] = true
		case "call.bridged":
			x.bridged[e.CallID] = true
		case "call.completed":
			if _, again := x.completed[e.CallID]; !again {
				x.completed[e.CallID] = e
			}
			for _, a := range e.Facts.Attempts {
				x.attempts[a.SIPCallID] = e.CallID
			}
		}
	}
	return x
}

// dialled tells whether an INVITE of a call that is over was seen.
func (x *index) dialled(e event) bool {
	for _, a := range e.Facts.Attempts {
		if x.Dialogs[a.SIPCallID] != nil {
			return true
		}
	}
	return false
}

// callsOf are the ids of the calls in the log that were made of a request.
func (x *index) callsOf(a ask) []string {
	if a.Bare {
		return x.byTo[a.To]
	}
	return x.byRef[a.Ref]
}

// about is the subject of a call's events.
func about(call string) string { return "call:" + call }
