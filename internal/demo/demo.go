package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// Config of Run.
type Config struct {
	// Start starts the real daemon.
	Start func(ctx context.Context, o Overrides) (System, error)
	// Line writes an event as one line of a timeline that began at start.
	Line    func(e calls.Event, start time.Time) string
	Output  io.Writer    // the timelines and the report
	Out     string       // directory for what callees heard; default ./demo-out
	TempDir string       // parent of the data directory; default: the system's
	Log     *slog.Logger // default: nothing is logged
}

// ErrUnexpected says that the demo ran, and something was not as it should be;
// the report says what.
var ErrUnexpected = errors.New("not everything was as expected; see the table")

// Run plays the demo. It returns nil only if every expectation was met.
func Run(ctx context.Context, cfg Config) (err error) {
	if cfg.Out == "" {
		cfg.Out = "demo-out"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Out, err = filepath.Abs(cfg.Out); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, totalLimit)
	defer cancel()
	fmt.Fprintln(cfg.Output, "Starting a test carrier, a webhook receiver and the daemon on loopback …")
	w, err := build(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()

	fmt.Fprintln(cfg.Output, "Making, uploading and approving the clips …")
	clips := theClips()
	ids, err := w.upload(ctx, clips)
	if err != nil {
		return err
	}
	s := &show{world: w, scenarios: scenarios(), clips: clips, ids: ids}
	s.watch = newWatch(cfg.Output, cfg.Line, s.names())
	s.watch.printf("Placing %d calls, at most %d at a time. Times are from the first event of each call.\n", len(s.scenarios), parallel)
	results, err := s.play(ctx)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the demo was stopped before its end: %w", ctx.Err())
	}
	hooks := w.checkWebhooks(ctx)
	if !report(cfg.Output, results, hooks, cfg.Out) {
		return ErrUnexpected
	}
	return nil
}

// show plays the scenarios.
type show struct {
	world     *world
	scenarios []scenario
	clips     map[string]*clip
	ids       map[string]int64
	watch     *watch
}

// ref is the reference of scenario i; the inbound call has none, and one of a facade
// is known by who is called.
func (s *show) ref(i int) string {
	switch s.scenarios[i].origin {
	case inbound:
		return ""
	case byZvonobot:
		return refOfCallee + s.scenarios[i].number
	}
	return fmt.Sprintf("demo-%02d", i+1)
}

func (s *show) names() map[string]string {
	names := map[string]string{}
	for i, sc := range s.scenarios {
		names[s.ref(i)] = sc.name
	}
	return names
}

// play runs every scenario and returns the results in the table's order.
func (s *show) play(ctx context.Context) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var follower sync.WaitGroup
	var followErr error
	follower.Go(func() {
		defer cancel() // nothing to wait for once the stream is gone
		err := s.world.api.Events(ctx, 0, func(e calls.Event) error { s.watch.on(e); return nil })
		if ctx.Err() == nil {
			followErr = err
		}
	})
	results := make([]result, len(s.scenarios))
	over := map[string]chan struct{}{}
	for _, sc := range s.scenarios {
		over[sc.name] = make(chan struct{})
	}
	slots := make(chan struct{}, parallel)
	var running sync.WaitGroup
	for i, sc := range s.scenarios {
		if sc.after != "" {
			// The table lists what must wait last, so nobody waits behind it.
			<-over[sc.after]
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots; close(over[sc.name]) }()
			results[i] = s.one(ctx, i)
		})
	}
	running.Wait()
	cancel()
	follower.Wait()
	return results, followErr
}

// one plays scenario i to its end and judges it.
func (s *show) one(ctx context.Context, i int) result {
	sc := s.scenarios[i]
	res := result{scenario: sc, began: time.Now()}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	heardBy, err := s.begin(ctx, i)
	if err != nil {
		res.fault("%v", err)
		return res
	}
	select {
	case id := <-s.watch.over[s.ref(i)]:
		if res.call, err = s.world.api.Call(ctx, id); err != nil {
			res.fault("%v", err)
			return res
		}
	case <-ctx.Done():
		res.fault("no call.completed within %v", callLimit)
		return res
	}
	s.judge(ctx, &res, heardBy)
	return res
}

// begin starts the call of scenario i. heardBy is the carrier's id of the call,
// where the carrier placed it.
func (s *show) begin(ctx context.Context, i int) (heardBy string, err error) {
	sc := s.scenarios[i]
	if sc.origin == inbound {
		return s.world.carrier.Place(sc.number, line, sc.number[len(sc.number)-4:])
	}
	if sc.origin == byZvonobot {
		return "", s.create(ctx, sc)
	}
	body := s.request(i)
	var call calls.CallView
	if err := s.world.api.Do(ctx, http.MethodPost, "/v1/calls", body, &call); err != nil {
		return "", err
	}
	if sc.origin == cancelled {
		return "", s.world.api.Do(ctx, http.MethodDelete, "/v1/calls?ref="+s.ref(i), nil, nil)
	}
	return "", nil
}

// create asks for a call as software written for Zvonobot does.
func (s *show) create(ctx context.Context, sc scenario) error {
	type record struct {
		ID int64 `json:"id"`
	}
	type item struct {
		Digit  int    `json:"digit"`
		Record record `json:"record"`
	}
	var ivrs []item
	for d := range sc.digits {
		ivrs = append(ivrs, item{d, record{s.ids["second"]}})
	}
	var answer struct {
		Status string `json:"status"`
	}
	body := map[string]any{"apiKey": s.world.api.Token, "phone": sc.number, "outgoingPhone": line, "record": record{s.ids["notice"]}, "ivrs": ivrs}
	if err := s.world.api.Do(ctx, http.MethodPost, "/compat/zvonobot/apiCalls/create", body, &answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("the facade answers %q", answer.Status)
	}
	return nil
}

// request is the body of POST /v1/calls: the plain spelling (record_id and the
// strict digits array) where that is enough, else a flow.
func (s *show) request(i int) map[string]any {
	sc := s.scenarios[i]
	digits := make([]map[string]any, 0, 10)
	for d := range 10 {
		a, ok := sc.digits[d]
		switch {
		case !ok:
			digits = append(digits, map[string]any{})
		case a.value == second:
			digits = append(digits, map[string]any{string(a.kind): s.ids["second"]})
		default:
			digits = append(digits, map[string]any{string(a.kind): a.value})
		}
	}
	if len(sc.digits) == 0 {
		digits = digits[:0]
	}
	body := map[string]any{"to": sc.number, "from": line, "ref": s.ref(i), "metadata": map[string]string{"scenario": sc.name}}
	if sc.ring != "" {
		body["ring_timeout"] = sc.ring
	}
	switch sc.origin {
	case byProvider:
		body["provider"] = "cloud"
		delete(body, "from")
	case cancelled:
		body["not_before"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	}
	if sc.flow == nil {
		body["record_id"], body["digits"] = s.ids["notice"], digits
		return body
	}
	flow := map[string]any{"record": s.ids["notice"], "digits": digits}
	for k, v := range sc.flow {
		flow[k] = s.withPrompts(v)
	}
	body["flow"] = flow
	return body
}

// withPrompts is an option of a flow with the prompts it names by record_id.
func (s *show) withPrompts(option any) any {
	switch v := option.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			out[k] = s.withPrompts(inner)
		}
		return out
	case string:
		if v == busyPrompt {
			return s.ids["busy"]
		}
	}
	return option
}
