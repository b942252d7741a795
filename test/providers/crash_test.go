package providers

import (
	"testing"

	"zvonar/internal/calls"
)

// TestACallOutlivesTheDaemonThatAskedForIt: the provider goes on with the call while the
// daemon is killed and started anew, and what it tells then makes the call what it is. It
// is asked once.
func TestACallOutlivesTheDaemonThatAskedForIt(t *testing.T) {
	t.Parallel()
	t.Run("told by the provider", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tasks := make(chan voxTask, 1)
		v := &voximplant{w: w, session: func(task voxTask) { tasks <- task }}
		w.start(voxProvider(serve(t, v)+"/platform_api", voxKey))
		id := w.asks("/v1/calls", map[string]any{"to": "79005552000", "record_id": w.clip(), "provider": "vox",
			"digits": []any{struct{}{}, map[string]any{"record": "1000001"}, struct{}{}, map[string]any{"needBlock": 1}}})
		task := <-tasks
		w.providerCalls(id, 2) // requested, accepted
		v.reports(task, `"n":1,"event":"ringing"`, `"n":2,"event":"connected"`, `"n":3,"event":"tone","digit":"1"`)
		w.told(id, calls.CallDigit)
		w.Kill()
		w.Run()
		w.providerCalls(id, 3) // resumed
		v.reports(task, `"n":4,"event":"tone","digit":"3"`, `"n":5,"event":"disconnected","by":"customer","talk_ms":21000`)
		got := w.ended(id, "answered/hangup")
		if len(got.Digits) != 2 || got.Digits[1].Digit != "3" || got.TalkMS != 21000 || len(got.Attempts) != 1 || v.started != 1 {
			t.Errorf("%+v after %d requests; told %s", got, v.started, w.trail(id))
		}
		if trail := w.trail(id); trail != "queued dialing provider.call provider.call ringing answered digit provider.call digit action completed" {
			t.Errorf("told %s", trail)
		}
		if _, err := w.api.Blocked(t.Context(), "79005552000"); err != nil {
			t.Errorf("the callee is not on the blacklist: %v", err)
		}
	})
	t.Run("asked for", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		talks, ends := make(chan struct{}), make(chan struct{})
		s := newLK(func(_ int, tell func(status, answers, cause string)) {
			tell("answered", "|1", "")
			close(talks)
			<-ends
			tell("finished", "|1|3", "NORMAL_CLEARING")
		})
		w.start(zvonobotProvider(serve(t, s), ""))
		id := w.asks("/v1/bot/zvonobot_digits_call", map[string]any{"number": "78005553535", "client_phone": "79004443322", "record_id": w.clip(),
			"payload": []any{struct{}{}, map[string]any{"record": "1000001"}, struct{}{}, map[string]any{"smsText": "Спасибо"}}})
		<-talks
		w.told(id, calls.CallDigit)
		w.providerCalls(id, 2)
		w.Kill()
		s.mu.Lock()
		s.fault = "lost" // whatever happens now is told only to who asks
		s.mu.Unlock()
		close(ends)
		w.Run()
		got := w.ended(id, "answered")
		if s.requests("create") != 1 || len(got.Digits) != 2 || got.Digits[0].Digit+got.Digits[1].Digit != "13" {
			t.Errorf("%+v after %d requests; told %s", got, s.requests("create"), w.trail(id))
		}
	})
}

// providerCalls waits until n events tell what the provider was asked, and said.
func (w *world) providerCalls(id string, n int) {
	w.t.Helper()
	w.Eventually("the word of the provider", func() bool {
		found := 0
		for _, e := range w.events(id) {
			if e.Type == calls.ProviderCall {
				found++
			}
		}
		return found == n
	})
}
