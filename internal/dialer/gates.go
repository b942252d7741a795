package dialer

import (
	"errors"
	"time"

	"zvonar/internal/calls"
)

// verdict is what a gate says of a call; the zero verdict is "open".
type verdict struct {
	hold    *calls.Hold       // closed
	next    time.Time         // when to look again, with hold or without a word
	blocked *calls.BlockEntry // never
	refused calls.Reason      // never, because of its recording
	moved   bool              // it waits for other trunks now
}

func (v verdict) open() bool {
	return v.hold == nil && v.blocked == nil && v.refused == "" && v.next.IsZero() && !v.moved
}

// gate examines one call at now.
type gate func(d *Dialer, tx calls.ReadTx, w *work, now time.Time) (verdict, error)

// gates are examined in this order; the first that is not open decides. The
// trunk's channels and rate come last, in pass.go: they are taken, not looked at.
var gates = []gate{blacklistGate, clipGate, windowGate, capGate, lineGate, textGate}

// lastGates are asked once more in the unit of work that writes the attempt. The
// clips are not: whoever revokes one tells the running calls, too.
var lastGates = []gate{blacklistGate, windowGate, capGate}

// foreseen are asked of a call that is not made yet: nothing of it is spoken for the
// look, and its clips are those that would be pinned now.
var foreseen = []gate{blacklistGate, windowGate, capGate, lineGate}

// ask goes through gates to the first that is not open.
func (d *Dialer) ask(list []gate, tx calls.ReadTx, w *work, now time.Time) (v verdict, err error) {
	for _, g := range list {
		if v, err = g(d, tx, w, now); err != nil || !v.open() {
			return v, err
		}
	}
	return v, nil
}

// Times after which a call is looked at again where its gate has no known end.
const (
	unknownZoneRetry = time.Hour
	noTrunkRetry     = time.Minute
	trunkDownRetry   = 5 * time.Second
	storeRetry       = time.Second
	flyingRetry      = 100 * time.Millisecond
)

func blacklistGate(_ *Dialer, tx calls.ReadTx, w *work, _ time.Time) (verdict, error) {
	entry, err := tx.BlockedFor(calls.BlockQuery{Account: w.call.Account, Number: w.call.To, Campaign: w.call.CampaignID, Line: w.call.From})
	if errors.Is(err, calls.ErrNotFound) {
		return verdict{}, nil
	}
	return verdict{blocked: entry}, err
}

func windowGate(d *Dialer, _ calls.ReadTx, w *work, now time.Time) (verdict, error) {
	c := w.call
	r := d.rulesOf(c)
	if r.unknown != "" {
		hold := &calls.Hold{Gate: calls.GateWindow, Text: "there is no preset " + r.unknown + " in the configuration any more: its calling hours are not known"}
		return verdict{hold: hold, next: now.Add(unknownZoneRetry)}, nil
	}
	zones := d.zones(c)
	open, next := d.cfg.OpenAt(r.windows, d.cfg.Country(c.To), zones, now)
	if open {
		return verdict{}, nil
	}
	if next.IsZero() {
		hold := &calls.Hold{Gate: calls.GateWindow, Text: "the calling window " + r.spans() + " never opens for this number: its time zone is not known, or its zones have no common hour"}
		return verdict{hold: hold, next: now.Add(unknownZoneRetry)}, nil
	}
	hold := &calls.Hold{Gate: calls.GateWindow, Until: &next, Text: "outside the calling window " + r.spans() + " of the callee's local time" + inZones(zones)}
	return verdict{hold: hold, next: next}, nil
}

// inZones says which time is meant.
func inZones(zones []string) string {
	switch {
	case len(zones) == 1:
		return " (" + zones[0] + ")"
	case len(zones) > 1:
		return ", which must be right in each zone where he may be"
	}
	return ""
}

// lineGate wants a trunk that may carry the call at all.
func lineGate(d *Dialer, _ calls.ReadTx, w *work, now time.Time) (verdict, error) {
	if _, trunks := d.route(w.call); len(trunks) > 0 {
		return verdict{}, nil
	}
	hold := &calls.Hold{Gate: calls.GateTrunkDown, Text: "no configured trunk carries this call: its trunk, or the owner of its caller number, is gone from the configuration"}
	return verdict{hold: hold, next: now.Add(noTrunkRetry)}, nil
}
