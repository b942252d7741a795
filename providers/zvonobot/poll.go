package zvonobot

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"zvonar/internal/life"
	"zvonar/providers"
)

// mostIDs is how many calls one get asks about.
const mostIDs = 5000

// longestPause is how long nobody is asked where the provider is not well.
const longestPause = 5 * time.Minute

// poller asks what became of all calls that are followed: webhooks get lost.
type poller struct {
	c    *Client
	life life.Worker
}

// Start implements providers.Service.
func (c *Client) Start(context.Context) error {
	return c.poll.life.Start("zvonobot: the poller", c.poll.run)
}

// Stop implements providers.Service.
func (c *Client) Stop(ctx context.Context) error { return c.poll.life.Stop(ctx) }

func (p *poller) run(ctx context.Context) {
	every := time.Duration(p.c.cfg.Poll)
	wait := every
	for pause(ctx, p.c.clock, wait) == nil {
		asked, err := p.round(ctx)
		switch {
		case err == nil:
			wait = every
		default:
			wait = min(max(2*wait, asked), longestPause)
			p.c.log.Warn("what became of calls could not be asked; asking again later", "in", wait, "error", err)
		}
	}
}

// round asks once about every call. Where it fails, after is how long the provider
// wants to be left alone, 0: it did not say.
func (p *poller) round(ctx context.Context) (after time.Duration, err error) {
	ids := p.c.follows.live()
	slices.Sort(ids)
	for len(ids) > 0 {
		n := min(len(ids), mostIDs)
		if after, err = p.ask(ctx, ids[:n]); err != nil || ctx.Err() != nil {
			return after, err
		}
		ids = ids[n:]
	}
	return 0, nil
}

func (p *poller) ask(ctx context.Context, ids []int64) (after time.Duration, err error) {
	body, err := json.Marshal(map[string]any{"apiCallIdList": ids})
	if err != nil {
		return 0, err
	}
	a, err := p.c.send(ctx, "get", body, mostAnswer)
	if err != nil {
		return 0, err
	}
	data, err := readAnswer(a)
	if err != nil {
		return retryAfter(a), err
	}
	list, err := parseAPICalls(data, "")
	if err != nil {
		return 0, nil // it knows none of them, or nothing of them yet
	}
	for _, t := range list {
		p.c.follows.tell(t)
	}
	return 0, nil
}

// retryAfter reads Retry-After in seconds.
func retryAfter(a *providers.Answer) time.Duration {
	n, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 3600)) * time.Second
}
