package crash

import "time"

// deliveryRules are the promises about what leaves the house: webhooks and texts.
var deliveryRules = []rule{
	{"every event delivered", "each event of the log reaches each destination that wants it", func(x *index, broken report) {
		got := map[string]map[string]bool{}
		for _, a := range x.Arrivals {
			if got[a.Dest] == nil {
				got[a.Dest] = map[string]bool{}
			}
			got[a.Dest][a.Event.ID] = got[a.Dest][a.Event.ID] || a.Accepted
		}
		for _, e := range x.Log {
			if !got[everything][e.ID] {
				broken(e.Subject, e.Time, "%s (seq %d) was not delivered", e.Type, e.Seq)
			}
		}
		for _, a := range x.Asks {
			for _, id := range x.callsOf(a) {
				for _, e := range x.bySubject[about(id)] {
					if a.Hook && !got[a.Ref][e.ID] {
						broken(e.Subject, e.Time, "%s (seq %d) did not reach the call's own webhook", e.Type, e.Seq)
					}
				}
			}
		}
	}},
	{"nothing invented", "what is delivered is in the log, as it was delivered", func(x *index, broken report) {
		for _, a := range x.Arrivals {
			e, ok := x.byID[a.Event.ID]
			if !ok || e.Sum != a.Event.Sum || e.Seq != a.Event.Seq || e.Subject != a.Event.Subject {
				broken(a.Event.Subject, a.Event.Time, "%s (seq %d) was delivered and is not in the log", a.Event.Type, a.Event.Seq)
			}
		}
	}},
	{"delivered in order", "per destination and subject no event comes before the one ahead of it was taken", func(x *index, broken report) {
		type lane struct{ dest, subject string }
		taken := map[lane]int64{}
		for _, a := range x.Arrivals {
			l := lane{a.Dest, a.Event.Subject}
			if a.Event.Seq > taken[l]+1 {
				broken(a.Event.Subject, a.Event.Time, "seq %d came to %s while %d was the last one taken", a.Event.Seq, a.Dest, taken[l])
			}
			if a.Accepted {
				taken[l] = max(taken[l], a.Event.Seq)
			}
		}
	}},
	{"a text at most once", "no text is sent twice, or before its intent is in the log", func(x *index, broken report) {
		sent := map[string]int{}
		for _, id := range x.Texts {
			sent[id]++
		}
		queued := map[string]bool{}
		for _, e := range x.Log {
			if e.Type == "sms.queued" {
				queued[e.Facts.ID] = true
			}
		}
		for id, n := range sent {
			if n > 1 {
				broken(id, time.Time{}, "was sent %d times", n)
			}
			if !queued[id] {
				broken(id, time.Time{}, "was sent without an intent")
			}
		}
	}},
	{"the fate of a text", "each text is told once to be sent or failed, and sent only if it was", func(x *index, broken report) {
		sent, fates := map[string]bool{}, map[string]int{}
		for _, id := range x.Texts {
			sent[id] = true
		}
		for _, e := range x.Log {
			if e.Type == "sms.sent" && !sent[e.Facts.ID] {
				broken(e.Subject, e.Time, "%s is told as sent and was not", e.Facts.ID)
			}
			if e.Type == "sms.sent" || e.Type == "sms.failed" {
				fates[e.Facts.ID]++
			}
		}
		for _, e := range x.Log {
			if n := fates[e.Facts.ID]; e.Type == "sms.queued" && n != 1 {
				broken(e.Subject, e.Time, "the text %s has %d fates", e.Facts.ID, n)
			}
		}
	}},
}

// everything is the destination that is told of everything.
const everything = "all"
