package sipuni

import (
	"context"
	"errors"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// words are the statuses of the service's tables, by how they begin.
var words = []struct {
	begins string
	status string
}{
	{"отвечен", "ANSWER"}, {"не отвечен", "NOANSWER"}, {"занят", "BUSY"}, {"отмен", "CANCEL"}, {"пропущен", "NOANSWER"},
}

// lookUp asks the service's statistic how a call ended whose events did not come.
// found is false where the table does not tell of exactly one call that fits.
func (c *Client) lookUp(ctx context.Context, r calls.PlaceRequest, f *follower) (e event, found bool, err error) {
	day := f.placed.In(c.zone)
	p := params{"anonymous": "0", "firstTime": "0", "from": day.Format("02.01.2006"), "fromNumber": "", "state": "0",
		"to": c.house.Clock.Now().In(c.zone).Format("02.01.2006"), "toAnswer": "", "toNumber": "", "tree": "", "type": "0"}
	ctx = providers.Labelled(ctx, providers.Label{Method: methodStatistic, Account: r.Account, Correlation: r.CallID})
	a, err := c.send(ctx, methodStatistic, p, maxTable)
	if err != nil {
		return event{}, false, err
	}
	if a.Status != 200 {
		return event{}, false, errors.New("the service answered with another status than 200")
	}
	t, err := readTable(a.Body)
	if err != nil {
		return event{}, false, err
	}
	fits := 0
	for _, row := range t.rows(c.zone) {
		if !c.fits(row, f) {
			continue
		}
		fits++
		e = rowEvent(row)
	}
	return e, fits == 1 && e.status != "", nil
}

// fits reports whether a row may be the call of f: by the id of its order where both
// have one, else by number and time.
func (c *Client) fits(row row, f *follower) bool {
	if row.order != "" && f.order != "" {
		return row.order == f.order
	}
	if f.callID != "" && row.record != "" && strings.HasPrefix(row.record, f.callID) {
		return true
	}
	const slack = time.Minute // between their clock and ours
	after := row.at.Sub(f.placed)
	return (sameNumber(row.to, f.to) || sameNumber(row.from, f.to)) && after > -slack && after < c.set.MatchWindow+slack
}

// rowEvent is the end of a call as an event would have told it.
func rowEvent(r row) event {
	e := event{kind: eventEnd, srcType: inside, dstType: outside, at: r.at.Add(r.total), started: r.at}
	status := strings.ToLower(r.status)
	for _, w := range words {
		if strings.HasPrefix(status, w.begins) {
			e.status = w.status
			break
		}
	}
	if e.status == "ANSWER" {
		e.answered = e.at.Add(-r.talk)
	}
	return e
}
