// Package ivr runs a flow on an answered leg: it plays the clip, listens for
// digits and starts what they stand for. It knows neither SIP nor audio nor the
// store: everything it wants goes through the [Leg] that its user implements. A
// [Dictation] is the other kind of [Flow]: it leads an author who speaks a recording.
//
// A [Session] has no goroutine, no lock and no clock. The goroutine that owns
// the call makes it and calls all its methods; the Leg's methods are called back
// on that same goroutine. Leg.Act may report [Session.OnActionDone] before it
// returns.
//
//	          clip over                 digit_timeout, plays left
//	Start      ┌──────────────────────────────┐
//	  │        │                              ▼
//	  ├──► playing ──── clip over ───────► waiting ── digit_timeout ──► leaving ── 500 ms ──► over
//	  │     ▲  │ digit                        │ digit                     ▲  │ digit           ▲
//	  │     │  └──────────► acting ◄──────────┘                           │  └─► acting        │
//	  │     │               │ │ │ └─ needBlock ► farewell ── clip over ───┘                    │
//	  │     └── record ─────┘ │ └─── bridge ended, or blocked without block_record ────────────┘
//	  │                       └──── sms_record, busy_record ► prompting ── clip over ► waiting
//	  └──► open (answer_only: like waiting, but it never times out)
//
// The rules behind the arrows, beyond DESIGN 4.3:
//
//   - A digit that the map does not know is invalid, '*' and '#' like any other.
//     It is counted; invalid_record is played, or else the clip simply goes on.
//     A known digit sets the count back to zero. Where the map is empty nothing
//     is invalid, for nothing was asked: digits are passed over.
//   - barge_in false: of the digits pressed while something plays one is kept
//     for its end, the first that the map knows (else the first). The rest are
//     impatience, not choices.
//   - Back to the menu: after sms_record or busy_record the flow waits for a
//     digit; where there was nothing to say it plays the current clip again.
//     After invalid_record the clip is played again if it was cut short. These
//     plays do not count as repeats.
//   - Several actions of a digit run in order. A record or a needBlock ends the
//     list; a manager who was not reached does not, so that the next action is
//     the fallback. sms_record and busy_record are said only on the way back to
//     the menu.
//   - An action that failed (an SMS that could not be stored) is not announced
//     by its record; the flow goes back to the menu.
//   - Where the map is empty the clip is played repeats times on end, or with
//     loop without a gap; there is no digit to wait for.
//   - A digit in the last 500 ms still counts.
//
// Start reading at table.go: states × inputs. Then session.go.
package ivr
