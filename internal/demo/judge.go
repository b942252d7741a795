package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

// match is how well what a callee heard must agree with what was played.
const match = 0.9

// half is what a sample that was heard with gaps still agrees; one that was not
// heard at all agrees less.
const half = 0.5

// result is what became of one scenario.
type result struct {
	scenario scenario
	began    time.Time
	call     calls.CallView
	matches  []string // "notice 0.99"
	gaps     bool     // something was heard, with pauses in it
	wav      string
	faults   []string
}

func (r *result) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// judge compares the call with what the table expects.
func (s *show) judge(ctx context.Context, r *result, heardBy string) {
	sc, c := r.scenario, &r.call
	if got := deref(c.Outcome); got != sc.outcome {
		r.fault("outcome %s instead of %s (%s)", got, sc.outcome, deref(c.Reason))
	}
	if got := deref(c.Reason); sc.reason != "" && got != sc.reason {
		r.fault("reason %q instead of %q", got, sc.reason)
	}
	var pressed, actions []string
	for _, d := range c.Digits {
		if d.Leg == calls.RoleCustomer {
			pressed = append(pressed, d.Digit)
		}
	}
	for _, a := range c.Actions {
		actions = append(actions, a.Action+":"+a.Result)
	}
	if got := strings.Join(pressed, ""); got != sc.pressed {
		r.fault("digits %q instead of %q", got, sc.pressed)
	}
	if got := strings.Join(actions, " "); got != sc.actions {
		r.fault("actions %q instead of %q", got, sc.actions)
	}
	s.judgeAudio(ctx, r, heardBy)
}

// judgeAudio checks what the callee heard, and that one who was not to be
// called was not.
func (s *show) judgeAudio(ctx context.Context, r *result, heardBy string) {
	sc := r.scenario
	if sc.noInvite {
		for _, seen := range s.world.carrier.Calls() {
			if seen.Number == sc.number && seen.StartedAt.After(r.began) {
				r.fault("the carrier saw an INVITE")
			}
		}
		return
	}
	seen, found := s.carrierCall(ctx, &r.call, heardBy)
	if !found {
		r.fault("the carrier did not see the end of this call")
		return
	}
	r.wav = seen.WAV
	heard, _ := s.world.carrier.Heard(seen.ID)
	heard = withHead(seen.Kind, heard)
	end := 0 // of the sample before: they are heard in order
	for _, want := range sc.hears {
		name, part := s.audio(want)
		q, at := aligned(heard[min(end, len(heard)):], part)
		r.matches = append(r.matches, fmt.Sprintf("%s %.2f", name, q))
		if q < match {
			r.fault("the callee did not hear the %s (%.2f)", name, q)
			r.gaps = r.gaps || q >= half
			continue
		}
		end += at + len(part)
	}
}

// withHead makes room for a first frame that is not there. Where the carrier
// placed the call, zvonar's audio races its own 200, and the carrier takes none
// before it has read the answer. A callee hears from the first frame on.
func withHead(kind carrier.Kind, heard []int16) []int16 {
	if kind == carrier.KindCallee {
		return heard
	}
	return slices.Concat(make([]int16, wander), heard)
}

// audio is what a sample sounds like.
func (s *show) audio(want sample) (name string, pcm []int16) {
	switch want {
	case noticeWhole:
		return "notice", s.clips["notice"].pcm
	case noticeHead:
		return "head of the notice", s.clips["notice"].pcm[:sampleRate*3/2]
	case secondWhole:
		return "second clip", s.clips["second"].pcm
	case busyWhole:
		return "busy prompt", s.clips["busy"].pcm
	}
	// Four notes: packets of a bridged talk may be late, so longer pieces shift.
	return "manager", carrier.ManagerTune()[:sampleRate*12/10]
}

// carrierCall finds the carrier's record of the customer's leg and waits for its
// end, which is a BYE behind zvonar's.
func (s *show) carrierCall(ctx context.Context, c *calls.CallView, heardBy string) (carrier.Call, bool) {
	ids := []string{heardBy, deref(c.ProviderCallID)}
	for _, a := range c.Attempts {
		if a.Role == calls.RoleCustomer {
			ids = append(ids, a.SIPCallID)
		}
	}
	for {
		var last carrier.Call
		found := false
		for _, seen := range s.world.carrier.Calls() {
			if slices.Contains(ids, seen.ID) || seen.SIPCallID != "" && slices.Contains(ids, seen.SIPCallID) {
				last, found = seen, true
			}
		}
		if !found || !last.EndedAt.IsZero() {
			return last, found
		}
		select {
		case <-ctx.Done():
			return last, false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// hooks is what the webhook receiver and the log say of each other.
type hooks struct {
	logged, received int
	faults           []string
}

// checkWebhooks waits until the receiver has every event of the log, or faults.
func (w *world) checkWebhooks(ctx context.Context) (h hooks) {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	for {
		log, err := eventLog(ctx, w.api)
		if err != nil {
			return hooks{faults: []string{err.Error()}}
		}
		h = w.compare(log)
		if len(h.faults) == 0 {
			return h
		}
		select {
		case <-ctx.Done():
			return h
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// compare checks the log by itself, and against what the receiver got.
func (w *world) compare(log []calls.Event) hooks {
	var ids []string
	completed, texts := map[string]int{}, map[calls.EventType]int{}
	for _, e := range log {
		ids = append(ids, e.ID)
		texts[e.Type]++
		if e.Type == calls.CallCompleted {
			completed[e.CallID]++
		}
	}
	missing, faults := w.receiver.missing(ids)
	if len(missing) > 0 {
		faults = append(faults, fmt.Sprintf("%d events were not delivered", len(missing)))
	}
	for id, n := range completed {
		if n != 1 {
			faults = append(faults, fmt.Sprintf("call %s has %d call.completed", id, n))
		}
	}
	if want := countSMS(scenarios()); texts[calls.SMSSent] != want {
		faults = append(faults, fmt.Sprintf("%d sms.sent instead of %d", texts[calls.SMSSent], want))
	}
	return hooks{logged: len(ids), received: len(ids) - len(missing), faults: faults}
}

func countSMS(all []scenario) (n int) {
	for _, sc := range all {
		if sc.sms {
			n++
		}
	}
	return n
}

// report prints the table; it says whether all was as expected.
func report(out io.Writer, results []result, h hooks, dir string) (ok bool) {
	ok = len(h.faults) == 0
	fmt.Fprintf(out, "\n%-37s %-11s %-15s %-15s %-9s %s\n", "call", "to", "expected", "seen", "talk", "the callee heard (correlation)")
	for _, r := range results {
		mark := "ok  "
		if len(r.faults) > 0 {
			mark, ok = "FAIL", false
		}
		fmt.Fprintf(out, "%s %-32.32s %-11s %-15s %-15s %6.1f s  %s\n", mark, r.scenario.name, r.scenario.number,
			r.scenario.outcome, deref(r.call.Outcome), float64(r.call.TalkMS)/1000, strings.Join(r.matches, ", "))
		for _, f := range r.faults {
			fmt.Fprintf(out, "     ! %s\n", f)
		}
	}
	fmt.Fprintf(out, "\nWebhooks: %d events in the log, %d received, each signed, in order per call (the first delivery was refused on purpose and came again).\n", h.logged, h.received)
	for _, f := range h.faults {
		fmt.Fprintf(out, "     ! %s\n", f)
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.gaps }) {
		fmt.Fprintf(out, "Some audio was heard with pauses in it. A machine that does other work sounds like that (%s): run the demo again when it is quiet.\n", load())
	}
	fmt.Fprintf(out, "What each callee heard: %s\n", dir)
	for _, r := range results {
		if r.wav != "" {
			fmt.Fprintf(out, "  %s  (%s)\n", r.wav, r.scenario.name)
		}
	}
	return ok
}

// load is how busy the machine is, in words.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if first, _, ok := strings.Cut(string(text), " "); err == nil && ok {
		return fmt.Sprintf("its load is %s on %d processors", first, runtime.NumCPU())
	}
	return fmt.Sprintf("it has %d processors", runtime.NumCPU())
}
