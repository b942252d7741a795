package crash

import (
	"strings"
	"time"
)

// afterEnd are the types that may follow call.completed.
func afterEnd(typ string) bool {
	return strings.HasPrefix(typ, "sms.") || typ == "call.recording_ready" || typ == "call.amd" || typ == "call.needs_attention"
}

// logRules are the promises about the event log.
var logRules = []rule{
	{"no gap in seq", "the events of a subject are numbered from 1 without gaps, in the order of pos", func(x *index, broken report) {
		last := int64(0)
		for _, e := range x.Log {
			if e.Pos <= last {
				broken(e.Subject, e.Time, "pos %d comes after pos %d", e.Pos, last)
			}
			last = e.Pos
		}
		for s, events := range x.bySubject {
			for i, e := range events {
				if e.Seq != int64(i+1) {
					broken(s, e.Time, "event %d (%s) has seq %d", i+1, e.Type, e.Seq)
					break
				}
			}
		}
	}},
	{"one end", "a call has one call.completed, and nothing of its life after it", func(x *index, broken report) {
		for s, events := range x.bySubject {
			over := 0
			for _, e := range events {
				switch {
				case e.Type == "call.completed":
					if over++; over > 1 {
						broken(s, e.Time, "call.completed was told again")
					}
				case over > 0 && !afterEnd(e.Type):
					broken(s, e.Time, "%s after call.completed", e.Type)
				}
			}
		}
	}},
	{"dialled once", "a call is dialled once, whatever happens after", func(x *index, broken report) {
		for s, events := range x.bySubject {
			n := 0
			for _, e := range events {
				if e.Type != "call.dialing" {
					continue
				}
				if n++; n > 1 {
					broken(s, e.Time, "call.dialing was told again")
				}
			}
		}
	}},
	{"log never changes", "an event that anybody was shown stays in the log as it was", func(x *index, broken report) {
		for id, e := range x.Seen {
			switch now, ok := x.byID[id]; {
			case !ok:
				broken(e.Subject, e.Time, "%s (%s, seq %d) was shown and is gone", e.Type, id, e.Seq)
			case now.Pos != e.Pos || now.Seq != e.Seq || now.Subject != e.Subject || now.Type != e.Type || now.Sum != e.Sum:
				broken(e.Subject, e.Time, "%s (%s) was shown as seq %d, pos %d and is seq %d, pos %d now", e.Type, id, e.Seq, e.Pos, now.Seq, now.Pos)
			}
		}
	}},
	{"store in order", "zvonar check-store finds nothing", func(x *index, broken report) {
		for _, line := range x.Unchecked {
			broken("store", time.Time{}, "%s", line)
		}
	}},
	{"power cut", "a copy of the files of a running daemon opens and holds all that was acknowledged", func(x *index, broken report) {
		for _, line := range x.Copies {
			broken("copy", time.Time{}, "%s", line)
		}
	}},
	{"no odd answer", "the API answers what the load expects", func(x *index, broken report) {
		for _, line := range x.Oddities {
			broken("API", time.Time{}, "%s", line)
		}
	}},
}
