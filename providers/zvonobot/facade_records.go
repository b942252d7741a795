package zvonobot

import (
	"context"
	"errors"
	"strconv"

	"zvonar/internal/calls"
	"zvonar/recordings"
)

// recordOut is a record as createRecord answers with it.
type recordOut struct {
	ID               int64  `json:"id"`
	Name             string `json:"name"`
	Status           string `json:"status"`
	CreatedAt        int64  `json:"createdAt"`
	NeedModeration   int    `json:"needModeration"`
	ModeratorComment string `json:"moderatorComment"`
	Path             string `json:"path"`
	RecordText       string `json:"recordText"`
}

// createRecord makes a clip of a text, or of a file. Its number is given before a
// moderator has passed it, for clients name it at once; the call of a text waits for
// him, that of a file is refused until then.
func (f *facade) createRecord(ctx context.Context, a asked) (any, error) {
	var source, said, name, file text
	var gender *number
	if err := a.fields.read(map[string]any{"source": &source, "text": &said, "name": &name, "gender": &gender, f.cfg.UploadField: &file}); err != nil {
		return nil, err
	}
	switch {
	case string(source) == f.cfg.UploadSource, source == "" && file != "":
		return f.recordOfFile(ctx, a, string(name), string(file))
	case source != "" && source != "text":
		return nil, faulty("source", "records are made of a text (text) or of a file (%s)", f.cfg.UploadSource)
	case said == "":
		return nil, faulty("text", "write what is to be read aloud")
	}
	spoken := calls.SpokenText{Text: string(said), Voice: f.voice(gender)}
	rec, err := f.recordByText(ctx, a.token.Account, spoken)
	if err == nil && rec == nil {
		rec, err = f.h.Library.AddText(ctx, a.token.Account, actor(a.token), recordings.Spoken{Title: string(name), Text: spoken.Text, Voice: spoken.Voice, Reserve: true})
	}
	if err != nil {
		return nil, nameText(err)
	}
	n, err := f.numberOf(ctx, rec)
	if err != nil {
		return nil, err
	}
	return yes(recordView(rec, n)), nil
}

// nameText says that a fault of a clip is one of the text.
func nameText(err error) error {
	var known *calls.Error
	if errors.As(err, &known) && known.Code != calls.CodeOverloaded && known.Code != calls.CodeInternal && fieldOf(known) != "name" {
		return faulty("text", "%s", known.Detail)
	}
	return err
}

// recordByText finds the clip that says a text already: the one calls play, else the
// newest that has a number and waits for a moderator; nil: there is none.
func (f *facade) recordByText(ctx context.Context, account string, t calls.SpokenText) (found *calls.Recording, err error) {
	err = f.h.Store.View(ctx, func(tx calls.ReadTx) error {
		list, err := tx.Recordings(calls.RecordingFilter{Account: account, TextKey: t.Key(), Limit: 20})
		if err != nil {
			return err
		}
		found = nil
		for _, rec := range list {
			switch {
			case rec.Live != nil && rec.Live.Version == rec.Version:
				found = rec
				return nil
			case found == nil && rec.State == calls.RecordingPending && rec.Reserved != nil:
				found = rec
			}
		}
		return nil
	})
	return found, err
}

// numberOf is the number of a clip: its record_id, or that which it will have.
func (f *facade) numberOf(ctx context.Context, rec *calls.Recording) (n int64, err error) {
	if rec.RecordID != nil {
		return *rec.RecordID, nil
	}
	if rec.Reserved == nil {
		return 0, calls.Errorf(calls.CodeInternal, "recording %s has no number", rec.ID)
	}
	err = f.h.Store.Update(ctx, func(tx calls.Tx) (err error) {
		n, err = tx.GiveNumber(rec.Account, numbersOfRecords, rec.ID, *rec.Reserved)
		return err
	})
	return n, err
}

// recordByNumber finds a clip by its record_id, or by the number that createRecord gave.
func (f *facade) recordByNumber(ctx context.Context, account string, n int64) (rec *calls.Recording, err error) {
	err = f.h.Store.View(ctx, func(tx calls.ReadTx) error {
		if rec, err = tx.RecordingByRecordID(account, n); !errors.Is(err, calls.ErrNotFound) {
			return err
		}
		id, err := tx.Numbered(account, numbersOfRecords, n)
		if err != nil {
			return err
		}
		rec, err = tx.Recording(account, id)
		return err
	})
	return rec, err
}

func recordView(rec *calls.Recording, n int64) recordOut {
	return recordOut{ID: n, Name: rec.Title, Status: recordStatus(rec), CreatedAt: rec.CreatedAt.Unix(), NeedModeration: flag(rec.Live == nil),
		ModeratorComment: rec.Reason, Path: "/v1/recordings/" + rec.ID + "/audio", RecordText: rec.Text}
}

func recordStatus(rec *calls.Recording) string {
	if rec.Live != nil {
		return "approved"
	}
	return string(rec.State)
}

// named is an element of getRecords.
type named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// getRecords lists the clips that calls may play.
func (f *facade) getRecords(ctx context.Context, a asked) (any, error) {
	out := []named{}
	err := f.h.Store.View(ctx, func(tx calls.ReadTx) error {
		filter := calls.RecordingFilter{Account: a.token.Account, Limit: 500}
		for {
			list, err := tx.Recordings(filter)
			if err != nil {
				return err
			}
			for _, rec := range list {
				if rec.Live != nil && rec.RecordID != nil && !rec.System {
					out = append(out, named{*rec.RecordID, orText(rec.Title, strconv.FormatInt(*rec.RecordID, 10))})
				}
			}
			if len(list) < filter.Limit {
				return nil
			}
			filter.Cursor = list[len(list)-1].ID
		}
	})
	return yes(out), err
}

// phoneOut is an element of getPhones.
type phoneOut struct {
	Phone  string `json:"phone"`
	Enable bool   `json:"enable"`
}

// getPhones lists the caller numbers: those of the trunks, and the account's own, of
// which only a confirmed one is enabled.
func (f *facade) getPhones(ctx context.Context, a asked) (any, error) {
	out := []phoneOut{}
	known := map[string]bool{}
	add := func(number string, enable bool) {
		if !known[number] {
			known[number] = true
			out = append(out, phoneOut{number, enable})
		}
	}
	for _, n := range f.h.TrunkNumbers(a.token.Account) {
		add(n, true)
	}
	err := f.h.Store.View(ctx, func(tx calls.ReadTx) error {
		for after := ""; ; {
			list, err := tx.Numbers(a.token.Account, after, 500)
			if err != nil {
				return err
			}
			for _, n := range list {
				add(n.Number, n.State == calls.NumberConfirmed)
				after = n.Number
			}
			if len(list) < 500 {
				return nil
			}
		}
	})
	return yes(out), err
}

// userInfo shows the account. We keep no purse: the balance is what the settings say.
func (f *facade) userInfo(_ context.Context, _ asked) (any, error) {
	return yes(map[string]any{"balance": f.cfg.Balance, "loggedAt": f.h.Clock.Now().Unix(), "lastPayAt": nil}), nil
}

// languages lists those in which texts are read.
func (f *facade) languages(context.Context, asked) (any, error) { return yes(f.cfg.Languages), nil }
