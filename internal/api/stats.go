package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Bounds of one request for statistics.
const (
	statsCalls  = 200_000          // calls looked at
	statsTime   = 10 * time.Second // and how long
	statsGroups = 1000             // the rest is counted as one
	statsKeys   = 3                // things to group by
)

func (s *Server) declareStats() {
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-stats", Method: http.MethodGet, Path: "/v1/stats",
		Summary: "Count calls that are over, and add up their times", Tags: []string{"stats"},
		Description: "By the time of their end. At most 200,000 calls and ten seconds a request: where complete is false, add up what comes with cursor next."}, s.getStats)
}

type statsInput struct {
	GroupBy string    `query:"group_by" maxLength:"200" doc:"up to three, with commas: outcome, reason, direction, trunk, campaign, employee, line, provider, series, verdict, day, hour, hour_of_day, metadata.KEY" example:"outcome,metadata.city"`
	From    time.Time `query:"from" doc:"ended from this time on"`
	Until   time.Time `query:"until" doc:"ended before this time"`
	Zone    string    `query:"zone" maxLength:"64" default:"UTC" doc:"of day, hour and hour_of_day" example:"Europe/Moscow"`
	Outcome string    `query:"outcome" maxLength:"20"`
	Cursor  string    `query:"cursor" maxLength:"160"`
}

// StatSums are the sums of a group.
type StatSums struct {
	Calls      int64 `json:"calls"`
	Answered   int64 `json:"answered" doc:"of them with a talk, whoever answered"`
	RingMS     int64 `json:"ring_ms"`
	TalkMS     int64 `json:"talk_ms"`
	BillableMS int64 `json:"billable_ms"`
}

func (t *StatSums) add(c *calls.EndedCall) {
	t.Calls++
	if c.Answered {
		t.Answered++
	}
	t.RingMS += c.RingMS
	t.TalkMS += c.TalkMS
	t.BillableMS += c.BillableMS
}

// StatRow is one group with its sums.
type StatRow struct {
	Group map[string]string `json:"group" doc:"what the calls have in common; empty texts where they have none"`
	StatSums
}

// StatsResource is what was counted.
type StatsResource struct {
	Items    []StatRow   `json:"items" nullable:"false" doc:"most calls first"`
	Total    StatSums    `json:"total"`
	Other    StatSums    `json:"other" doc:"of groups beyond the first 1000"`
	Complete bool        `json:"complete" doc:"false: there are more calls; go on with next"`
	Next     *string     `json:"next"`
	Through  calls.Stamp `json:"through" doc:"end of the last call that was counted"`
}

type statsOutput struct{ Body StatsResource }

var metadataKey = regexp.MustCompile(`^metadata\.[^,]{1,64}$`)

// statFields says what a word of group_by stands for.
var statFields = map[string]func(*calls.EndedCall, *time.Location) string{
	"outcome":     func(c *calls.EndedCall, _ *time.Location) string { return string(c.Outcome) },
	"reason":      func(c *calls.EndedCall, _ *time.Location) string { return string(c.Reason) },
	"direction":   func(c *calls.EndedCall, _ *time.Location) string { return string(c.Direction) },
	"trunk":       func(c *calls.EndedCall, _ *time.Location) string { return c.Trunk },
	"campaign":    func(c *calls.EndedCall, _ *time.Location) string { return c.Campaign },
	"employee":    func(c *calls.EndedCall, _ *time.Location) string { return c.Employee },
	"line":        func(c *calls.EndedCall, _ *time.Location) string { return c.Line },
	"provider":    func(c *calls.EndedCall, _ *time.Location) string { return c.Provider },
	"series":      func(c *calls.EndedCall, _ *time.Location) string { return c.Series },
	"verdict":     func(c *calls.EndedCall, _ *time.Location) string { return string(c.Verdict) },
	"day":         func(c *calls.EndedCall, l *time.Location) string { return c.EndedAt.In(l).Format("2006-01-02") },
	"hour":        func(c *calls.EndedCall, l *time.Location) string { return c.EndedAt.In(l).Format("2006-01-02T15:00") },
	"hour_of_day": func(c *calls.EndedCall, l *time.Location) string { return c.EndedAt.In(l).Format("15") },
}

// statKeys reads group_by.
func statKeys(raw string) ([]string, error) {
	if raw == "" {
		return nil, nil
	}
	keys := strings.Split(raw, ",")
	if len(keys) > statsKeys {
		return nil, calls.Errorf(calls.CodeInvalidField, "at most %d things can be grouped by", statsKeys).At("query.group_by", raw)
	}
	for i, k := range keys {
		if statFields[k] == nil && !metadataKey.MatchString(k) || slices.Index(keys, k) != i {
			return nil, calls.Errorf(calls.CodeInvalidField, "%q cannot be grouped by; write outcome, day, metadata.KEY, …", k).At("query.group_by", raw)
		}
	}
	return keys, nil
}

// statValues are what a call has for each key.
func statValues(c *calls.EndedCall, keys []string, zone *time.Location) []string {
	values := make([]string, len(keys))
	var metadata map[string]any
	for i, k := range keys {
		if f := statFields[k]; f != nil {
			values[i] = f(c, zone)
			continue
		}
		if metadata == nil {
			metadata = map[string]any{}
			_ = json.Unmarshal(c.Metadata, &metadata) // it was an object when it came
		}
		switch v := metadata[strings.TrimPrefix(k, "metadata.")].(type) {
		case nil:
		case string:
			values[i] = v
		default:
			b, _ := json.Marshal(v)
			values[i] = string(b)
		}
		if len(values[i]) > 200 {
			values[i] = calls.Clean(values[i], 200)
		}
	}
	return values
}

func (s *Server) getStats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	keys, err := statKeys(in.GroupBy)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(first(in.Zone, "UTC"))
	if err != nil || in.Zone == "Local" {
		return nil, calls.Errorf(calls.CodeInvalidField, "there is no such time zone").At("query.zone", in.Zone)
	}
	f := calls.EndFilter{Account: accountOf(ctx), From: in.From, Until: in.Until, Limit: 1000}
	if in.Cursor != "" {
		at, id, ok := strings.Cut(in.Cursor, "_")
		if f.AfterAt, err = time.Parse(time.RFC3339Nano, at); !ok || err != nil {
			return nil, calls.Errorf(calls.CodeInvalidField, "this is no cursor of these statistics").At("query.cursor", in.Cursor)
		}
		f.AfterID = id
	}
	c := counting{keys: keys, zone: zone, outcome: calls.Outcome(in.Outcome), groups: map[string]*StatRow{}}
	if err := c.all(ctx, s.cfg.Store, f); err != nil {
		return nil, err
	}
	return &statsOutput{Body: c.result()}, nil
}

// counting is one request for statistics.
type counting struct {
	keys    []string
	zone    *time.Location
	outcome calls.Outcome
	groups  map[string]*StatRow
	out     StatsResource
}

// all counts calls until there are no more, or the bounds are met.
func (c *counting) all(ctx context.Context, store calls.Store, f calls.EndFilter) error {
	begin := time.Now()
	for seen := 0; ; {
		var page []calls.EndedCall
		err := store.View(ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.EndedCalls(f)
			return err
		})
		if err != nil {
			return err
		}
		for i := range page {
			c.call(&page[i])
		}
		if n := len(page); n > 0 {
			f.AfterAt, f.AfterID = page[n-1].EndedAt, page[n-1].ID
			c.out.Through = calls.Stamp(f.AfterAt)
		}
		if seen += len(page); len(page) < f.Limit {
			c.out.Complete = true
			return nil
		}
		if seen >= statsCalls || time.Since(begin) > statsTime {
			next := f.AfterAt.UTC().Format(time.RFC3339Nano) + "_" + f.AfterID
			c.out.Next = &next
			return nil
		}
	}
}

func (c *counting) call(e *calls.EndedCall) {
	if c.outcome != "" && e.Outcome != c.outcome {
		return
	}
	c.out.Total.add(e)
	if len(c.keys) == 0 {
		return
	}
	values := statValues(e, c.keys, c.zone)
	key := strings.Join(values, "\x00")
	row := c.groups[key]
	if row == nil {
		if len(c.groups) >= statsGroups {
			c.out.Other.add(e)
			return
		}
		row = &StatRow{Group: map[string]string{}}
		for i, k := range c.keys {
			row.Group[k] = values[i]
		}
		c.groups[key] = row
	}
	row.add(e)
}

// result is what was counted, the largest groups first.
func (c *counting) result() StatsResource {
	type keyed struct {
		key string
		row *StatRow
	}
	list := make([]keyed, 0, len(c.groups))
	for k, r := range c.groups {
		list = append(list, keyed{k, r})
	}
	slices.SortFunc(list, func(a, b keyed) int {
		if a.row.Calls != b.row.Calls {
			return int(min(max(b.row.Calls-a.row.Calls, -1), 1))
		}
		return strings.Compare(a.key, b.key)
	})
	c.out.Items = make([]StatRow, 0, len(list))
	for _, k := range list {
		c.out.Items = append(c.out.Items, *k.row)
	}
	return c.out
}
