package store

import (
	"encoding/json"

	"zvonar/internal/calls"
)

// endedDoc is what statistics read of the document of a call.
type endedDoc struct {
	Reason     calls.Reason     `json:"reason"`
	Trunk      string           `json:"trunk"`
	Employee   string           `json:"employee"`
	Line       string           `json:"line"`
	Provider   string           `json:"provider"`
	Verdict    calls.Verdict    `json:"verdict"`
	AnsweredAt *json.RawMessage `json:"answered_at"`
	RingMS     int64            `json:"ring_ms"`
	TalkMS     int64            `json:"talk_ms"`
	BillableMS int64            `json:"billable_ms"`
	Metadata   json.RawMessage  `json:"metadata"`
}

func scanEnded(sc scanner) (c calls.EndedCall, err error) {
	var ended int64
	var doc string
	if err = sc.Scan(&c.ID, &ended, &c.Direction, &c.Outcome, &c.Campaign, &c.Series, &doc); err != nil {
		return c, err
	}
	var d endedDoc
	if err = json.Unmarshal([]byte(doc), &d); err != nil {
		return c, err
	}
	c.EndedAt, c.Reason, c.Trunk, c.Employee, c.Line, c.Provider, c.Verdict = fromMicros(ended), d.Reason, d.Trunk, d.Employee, d.Line, d.Provider, d.Verdict
	c.Answered = d.AnsweredAt != nil
	c.RingMS, c.TalkMS, c.BillableMS, c.Metadata = d.RingMS, d.TalkMS, d.BillableMS, d.Metadata
	return c, nil
}

const endedCalls = `SELECT id, ended_at, direction, outcome, campaign, series, doc FROM calls
	WHERE is_over = 1 AND account = ? AND ended_at >= ? AND (CAST(? AS BIGINT) = 0 OR ended_at < ?) AND (ended_at, id) > (?, ?) ORDER BY ended_at, id LIMIT ?`

// EndedCalls implements calls.EndReads.
func (t *tx) EndedCalls(f calls.EndFilter) ([]calls.EndedCall, error) {
	until := micros(f.Until)
	return many(t, scanEnded, endedCalls, f.Account, max(1, micros(f.From), micros(f.AfterAt)), until, until, micros(f.AfterAt), f.AfterID, limited(f.Limit, 1000))
}

// Ends implements calls.EndReads.
func (t *tx) Ends(account string, after int64, limit int) ([]calls.Event, error) {
	return many(t, scanEvent, `SELECT `+eventColumns+` FROM events WHERE type = 'call.completed' AND pos > ? AND (CAST(? AS TEXT) = '' OR account = ?) ORDER BY pos LIMIT ?`,
		after, account, account, limited(limit, 1000))
}
