package crash

import (
	"slices"
	"time"
)

// callRules are the promises about people: who asked is answered, who is rung
// is rung once.
var callRules = []rule{
	{"acknowledged call kept", "a call that was acknowledged is in the log and comes to its end", func(x *index, broken report) {
		for _, a := range x.Asks {
			for _, id := range a.IDs {
				events := x.bySubject[about(id)]
				if len(events) == 0 {
					broken(id, a.At, "ref %s was acknowledged and is nowhere in the log", a.Ref)
				} else if _, ok := x.completed[id]; !ok {
					broken(id, events[0].Time, "acknowledged, but there is no call.completed")
				}
			}
		}
	}},
	{"one request, one call", "a request repeated under its Idempotency-Key never makes a second call", func(x *index, broken report) {
		for _, a := range x.Asks {
			ids := map[string]bool{}
			for _, id := range slices.Concat(x.callsOf(a), a.IDs) {
				ids[id] = true
			}
			if len(ids) > 1 {
				broken(a.Ref, a.At, "%d calls were made of one request", len(ids))
			}
		}
	}},
	{"no second INVITE", "an attempt is one INVITE transaction, a number that was asked for once is rung once", func(x *index, broken report) {
		dialled := map[string]string{}
		for id, d := range x.Dialogs {
			if d.Inbound {
				continue
			}
			if len(d.Branches) > 1 {
				broken(id, d.First, "%d INVITE transactions under one Call-ID to %s", len(d.Branches), d.Number)
			}
			if other, again := dialled[d.Number]; again {
				broken(id, d.First, "%s was rung a second time, after %s", d.Number, other)
			}
			dialled[d.Number] = id
		}
	}},
	{"attempt before INVITE", "whatever rang is an attempt of a call in the store", func(x *index, broken report) {
		for id, d := range x.Dialogs {
			if _, known := x.attempts[id]; !known && !d.Inbound {
				broken(id, d.First, "%s was rung, and no call knows of it", d.Number)
			}
		}
	}},
	{"nothing after the end", "nobody is rung for a call that is over", func(x *index, broken report) {
		for id, d := range x.Dialogs {
			if e, over := x.completed[x.attempts[id]]; over && d.First.After(e.Time.Add(clockGrace)) {
				broken(e.CallID, d.First, "INVITE %v after the call ended %s", d.First.Sub(e.Time), e.Facts.Outcome)
			}
		}
	}},
	{"one provider request", "a provider is asked once for an attempt, and for one in the store", func(x *index, broken report) {
		seen := map[string]bool{}
		for _, r := range x.Requests {
			if seen[r.CallID] {
				broken(r.CallID, time.Time{}, "the provider was asked twice")
			}
			seen[r.CallID] = true
			// One that waited too long for the store rang nobody, and another followed it.
			e, ok := x.completed[r.CallID]
			if last := len(e.Facts.Attempts) - 1; !ok || last < 0 || e.Facts.Attempts[last].ID != r.Attempt {
				broken(r.CallID, time.Time{}, "the provider was asked for an attempt that the call does not have")
			}
		}
	}},
	{"cancelled is cancelled", "an acknowledged cancellation rings nobody, and what it said stays said", func(x *index, broken report) {
		at := map[string]time.Time{}
		for _, c := range x.Cancels {
			at[c.CallID] = c.At
			if e := x.completed[c.CallID]; c.Final != "" && e.Facts.Outcome != c.Final {
				broken(c.CallID, c.At, "acknowledged as %s, ended as %q", c.Final, e.Facts.Outcome)
			}
		}
		for id, d := range x.Dialogs {
			if t, ok := at[x.attempts[id]]; ok && d.First.After(t.Add(clockGrace)) {
				broken(x.attempts[id], d.First, "INVITE %v after its cancellation", d.First.Sub(t))
			}
		}
	}},
	{"blocked is blocked", "an acknowledged or told entry of the blacklist stays, and its number is not rung", func(x *index, broken report) {
		since := map[string]time.Time{}
		for _, e := range x.Log {
			if e.Type == "number.blocked" {
				since[e.number()] = e.Time
			}
		}
		for _, b := range x.Blocks {
			if _, told := since[b.Number]; !told {
				broken(b.Number, b.At, "acknowledged, but number.blocked was not told")
			}
			since[b.Number] = b.At
		}
		for n, t := range since {
			if !x.Listed[n] {
				broken(n, t, "is no longer on the blacklist")
			}
		}
		for id, d := range x.Dialogs {
			if t, ok := since[d.Number]; ok && !d.Inbound && d.First.After(t.Add(clockGrace)) {
				broken(id, d.First, "%s was rung %v after it was blocked", d.Number, d.First.Sub(t))
			}
		}
	}},
	{"no leg left behind", "every leg whose answer is in the log is hung up, by whom ever", func(x *index, broken report) {
		inbound := map[string]*dialog{}
		for _, d := range x.Dialogs {
			if d.Inbound {
				inbound[d.Number] = d
			}
		}
		for id, e := range x.completed {
			if e.Facts.Direction == "in" || len(e.Facts.Attempts) > 0 && !x.dialled(e) {
				// The far end called: an inbound call, or a provider's.
				number := e.Facts.From
				if e.Facts.Direction != "in" {
					number = e.Facts.To
				}
				if d := inbound[number]; x.answered[id] && d != nil && !d.Bye {
					broken(id, e.Time, "the caller %s heard no BYE", number)
				}
				continue
			}
			for _, a := range e.Facts.Attempts {
				due := a.Role == "customer" && x.answered[id] || a.Role == "manager" && x.bridged[id]
				if d := x.Dialogs[a.SIPCallID]; due && d != nil && !d.Bye {
					broken(id, e.Time, "the %s %s heard no BYE", a.Role, d.Number)
				}
			}
		}
	}},
	{"no call left open", "once the last start has settled, no call is open that should not be", func(x *index, broken report) {
		for _, id := range x.Live {
			broken(id, time.Time{}, "is still not over")
		}
	}},
	{"ref free again", "the ref of a call that is over may be used again", func(x *index, broken report) {
		for _, ref := range x.RefsHeld {
			broken(ref, time.Time{}, "is still taken")
		}
	}},
}
