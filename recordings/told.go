package recordings

import "zvonar/internal/calls"

// told is the data of an event: the recording, with times as they are published.
type told struct {
	*calls.Recording
	Approvals    []approval  `json:"approvals"`
	ClaimedUntil calls.Stamp `json:"claimed_until"`
	UndoUntil    calls.Stamp `json:"undo_until"`
	DecidedAt    calls.Stamp `json:"decided_at"`
	CreatedAt    calls.Stamp `json:"created_at"`
	UploadedAt   calls.Stamp `json:"uploaded_at"`
	Revoked      any         `json:"revoked,omitempty"` // a matter of the dialer: the state says it
}

type approval struct {
	By string      `json:"by"`
	At calls.Stamp `json:"at"`
}

// tell appends the event about rec to the unit of work that changed it.
func (l *Library) tell(tx calls.Tx, rec *calls.Recording, t calls.EventType) error {
	data := told{Recording: rec, Approvals: []approval{}, ClaimedUntil: calls.StampOf(rec.ClaimedUntil), UndoUntil: calls.StampOf(rec.UndoUntil),
		DecidedAt: calls.StampOf(rec.DecidedAt), CreatedAt: calls.Stamp(rec.CreatedAt), UploadedAt: calls.Stamp(rec.Upload().CreatedAt)}
	for _, a := range rec.Approvals {
		data.Approvals = append(data.Approvals, approval{a.By, calls.Stamp(a.At)})
	}
	e := calls.NewEvent(l.cfg.IDs.New("evt_"), l.cfg.Clock.Now().UTC(), "recording:"+rec.ID, t, data)
	e.Account = rec.Account
	return tx.AppendEvent(&e)
}
