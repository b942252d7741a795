package providerstest

import (
	"cmp"
	"slices"

	"zvonar/internal/calls"
)

// Group implements calls.PeopleReads.
func (u unit) Group(account, name string) (*calls.Group, error) {
	for _, g := range u.s.GroupRows {
		if g.Account == account && g.Name == name {
			return g, nil
		}
	}
	return nil, calls.ErrNotFound
}

// Groups implements calls.PeopleReads.
func (u unit) Groups(account, after string, limit int) (list []*calls.Group, err error) {
	for _, g := range u.s.GroupRows {
		if g.Account == account && g.Name > after && len(list) < limit {
			list = append(list, g)
		}
	}
	return list, nil
}

// Numbers implements calls.PeopleReads.
func (u unit) Numbers(account, after string, limit int) (list []*calls.Number, err error) {
	for _, n := range u.s.NumberRows {
		if n.Account == account && n.Number > after {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *calls.Number) int { return cmp.Compare(a.Number, b.Number) })
	return list[:min(len(list), limit)], nil
}

// Recordings implements calls.RecordingReads.
func (u unit) Recordings(f calls.RecordingFilter) (list []*calls.Recording, err error) {
	for _, r := range u.s.Clips {
		if r.Account == f.Account && (f.State == "" || r.State == f.State) && (f.Cursor == "" || r.ID < f.Cursor) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *calls.Recording) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), f.Limit)], nil
}

// Webhooks implements calls.ReadTx.
func (u unit) Webhooks(account string) (list []*calls.Webhook, err error) {
	for _, w := range u.s.WebhookRows {
		if account == "" || w.Account == account {
			list = append(list, w)
		}
	}
	return list, nil
}
