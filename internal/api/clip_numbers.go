package api

import (
	"errors"

	"zvonar/internal/calls"
)

// numberClips tells the record_id of recordings that were approved after the calls
// that brought their text had been accepted.
func numberClips(tx calls.ReadTx, rows []*calls.Call) error {
	known := map[string]int64{}
	for _, c := range rows {
		ref := c.Recording
		if ref == nil || ref.RecordID != 0 {
			continue
		}
		n, asked := known[ref.RecordingID]
		if !asked {
			rec, err := tx.Recording(c.Account, ref.RecordingID)
			if err != nil && !errors.Is(err, calls.ErrNotFound) {
				return err
			}
			if err == nil && rec.RecordID != nil {
				n = *rec.RecordID
			}
			known[ref.RecordingID] = n
		}
		ref.RecordID = n // the row is our own copy
	}
	return nil
}
