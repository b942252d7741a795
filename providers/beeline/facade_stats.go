package beeline

import (
	"errors"

	"zvonar/internal/calls"
)

// statistics lists calls that are over, the oldest first, in version 1 with one phone.
func (f *facade) statistics(a *asked) (any, error) {
	list, err := f.ended(a)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Phone = list[i].PhoneTo; list[i].Direction == inbound {
			list[i].Phone = list[i].PhoneFrom
		}
		list[i].PhoneFrom, list[i].PhoneTo = "", ""
	}
	return list, nil
}

func (f *facade) statisticsV2(a *asked) (any, error) { return f.ended(a) }

func (f *facade) ended(a *asked) ([]Stat, error) {
	q := a.URL.Query()
	from, to, err := period(q)
	if err != nil {
		return nil, err
	}
	page, err := whole(q, "page", 0, 1<<20)
	if err != nil {
		return nil, err
	}
	size, err := whole(q, "pageSize", recordPage, recordPage)
	if err != nil {
		return nil, err
	}
	var only *calls.Employee
	if user := q.Get("userId"); user != "" {
		if only, err = f.who(a.Context(), a.account(), user); err != nil {
			return nil, err
		}
	}
	skip, list := page*size, []Stat{}
	filter := calls.EndFilter{Account: a.account(), From: from, Until: to, Limit: 1000}
	err = f.house.Store.View(a.Context(), func(tx calls.ReadTx) error {
		for range scanPages {
			rows, err := tx.EndedCalls(filter)
			if err != nil || len(rows) == 0 {
				return err
			}
			for _, row := range rows {
				filter.AfterAt, filter.AfterID = row.EndedAt, row.ID
				if only != nil && row.Employee != only.ID {
					continue
				}
				if skip--; skip >= 0 {
					continue
				}
				if int64(len(list)) >= size {
					return nil
				}
				s, err := f.stat(tx, a.account(), row)
				if err != nil {
					return err
				}
				list = append(list, s)
			}
		}
		return nil
	})
	return list, err
}

// stat is a call that is over as a line of the statistics.
func (f *facade) stat(tx calls.ReadTx, account string, row calls.EndedCall) (Stat, error) {
	s := Stat{Direction: directionOf(row.Direction), Status: statusIn(row), Duration: Millis(row.TalkMS)}
	c, err := tx.Call(account, row.ID)
	if errors.Is(err, calls.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.StartDate = Millis(c.CreatedAt.UnixMilli())
	s.PhoneFrom, _ = ten(c.From)
	s.PhoneTo, _ = ten(c.To)
	s.Abonent, err = f.abonentOf(tx, c)
	return s, err
}

// statusIn is the portal's word for how a call went; what each of them means there is
// inferred.
func statusIn(row calls.EndedCall) string {
	switch {
	case row.Direction == calls.Out:
		return statPlaced
	case row.Answered && row.Outcome != calls.OutcomeMissed:
		return statReceived
	}
	return statMissed
}
