package zvonobot

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// client is a client of the simulator.
func (h *house) client(s *lk, more settings) *Client {
	h.t.Helper()
	c, err := newClient(h.House, "office", "api_key: their-key\nurl: "+settings(s.URL)+"\n"+more)
	if err != nil {
		h.t.Fatal(err)
	}
	c.turns = newLimiter(clock.System(), 10000) // the clock of the house stands still
	return c
}

// placing is a call of ours as the engine hands it over.
func placing() calls.PlaceRequest {
	f := calls.DefaultFlow()
	f.Record = "1460168"
	f.Clips = map[calls.ClipID]calls.RecordingRef{"1460168": {RecordingID: "rec_ok", RecordID: 1460168, SHA256: strings.Repeat("a", 64), Version: 1}}
	return calls.PlaceRequest{Account: calls.MainAccount, CallID: "call_1", Attempt: "att_1", To: "79004443322", From: "78005553535", Flow: f}
}

func TestPlaceWritesOurFlowInTheirWords(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	h.put(func(tx calls.Tx) error {
		r := clip("rec_text", 1460170)
		r.Text, r.Voice, r.SHA256 = "Ваша посылка ждёт вас.", "male", strings.Repeat("b", 64)
		return tx.InsertRecording(r)
	})
	c := h.client(s, "records: {\"1460168\": 1484915, rec_next: 1484916}")
	r := placing()
	digits, bad := calls.ParseFlow([]byte(`{"record":"1460168","digits":[{"record":"1460169","digits":[{},{"managerPhone":"74242490764"}]},
		{"actions":[{"smsText":"Спасибо"},{"managerPhone":"74242490764"}]},{},{"needBlock":"1"}]}`), "body")
	if bad != nil {
		t.Fatal(bad)
	}
	r.Flow.Digits = digits.Digits
	r.Flow.Clips["1460169"] = calls.RecordingRef{RecordingID: "rec_next", RecordID: 1460169}
	res, err := c.Place(t.Context(), r)
	if err != nil || res.ProviderCallID != "101" {
		t.Fatalf("%+v %v", res, err)
	}
	text := placing()
	text.CallID, text.From, text.Flow.Record, text.Flow.Capture = "call_2", "", "1460170", true
	text.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1460170": {RecordingID: "rec_text", SHA256: strings.Repeat("b", 64), Version: 1}}
	if _, err := c.Place(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	for i, file := range []string{"place_request.json", "place_text_request.json"} {
		b, _ := json.Marshal(s.asked("create")[i])
		golden(t, file, string(b))
	}
	if text := h.journal.text(); strings.Contains(text, "their-key") || !strings.Contains(text, `"Correlation":"call_1"`) {
		t.Errorf("the journal has %s", text)
	}
}

func TestPlaceRefusesInWordsWhatCannotBeSaid(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "records: {\"1460168\": 1484915}")
	for want, change := range map[string]func(*calls.Flow){
		"joins no two":                 func(f *calls.Flow) { f.Bridge = &calls.Bridge{} },
		"needs a recording":            func(f *calls.Flow) { f.Record = "" },
		"option amd":                   func(f *calls.Flow) { f.AMD.Mode = "async" },
		"option repeats":               func(f *calls.Flow) { f.Repeats = 2 },
		"settings.records":             func(f *calls.Flow) { f.Record = "rec_unknown" },
		"knows telephone numbers only": func(f *calls.Flow) { f.Digits = calls.DigitMap{{{Kind: calls.ActionManager, Value: "201@office"}}} },
		"blocks the number altogether": func(f *calls.Flow) { f.Digits = calls.DigitMap{{{Kind: calls.ActionBlock, Value: "campaign"}}} },
		"two actions of the kind": func(f *calls.Flow) {
			a := calls.Action{Kind: calls.ActionSMS, Value: "x"}
			f.Digits = calls.DigitMap{{a, a}}
		},
	} {
		r := placing()
		change(&r.Flow)
		_, err := c.Place(t.Context(), r)
		var refused *calls.PlaceRefused
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if n := len(s.asked("create")); n != 0 {
		t.Errorf("%d requests went out", n)
	}
	r := placing()
	r.Flow.AMD.Mode = "async"
	if _, err := h.client(s, "ignore: [amd]\nrecords: {rec_ok: 5}").Place(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestFaultsOfTheProviderAreRefusalsOrUnknown(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c, hasty := h.client(s, "records: {\"1460168\": 1484915}\ntimeout: 60s"), h.client(s, "records: {\"1460168\": 1484915}\ntimeout: 3s")
	for fault, want := range map[string]struct {
		unknown bool
		words   string
	}{
		"html": {true, "no JSON"}, "429": {false, "Too Many Attempts."}, "500": {true, "status 500"}, "503": {false, "maintenance"}, "hang": {true, "too long"},
		"refused": {false, "Запись не прошла модерацию"}, "per-phone": {false, "Номер в черном списке"}, "per-phone error": {false, "Неверный номер"},
		"strange": {true, "maybe"}, "empty": {true, "names no call"},
	} {
		s.set(fault)
		before, asks := len(s.asked("create")), c
		if fault == "hang" {
			asks = hasty
		}
		_, err := asks.Place(t.Context(), placing())
		var unknown *calls.PlaceUnknown
		var refused *calls.PlaceRefused
		if errors.As(err, &unknown) != want.unknown || errors.As(err, &refused) == want.unknown || !strings.Contains(err.Error(), want.words) {
			t.Errorf("%s: %v", fault, err)
		}
		if n := len(s.asked("create")) - before; n != 1 {
			t.Errorf("%s: %d requests went out for one attempt", fault, n)
		}
	}
	s.Close()
	var refused *calls.PlaceRefused
	if _, err := c.Place(t.Context(), placing()); !errors.As(err, &refused) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAProviderThatHangsDelaysNothingButItsOwnCall(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "records: {\"1460168\": 1484915}\ntimeout: 60s")
	s.set("hang")
	ctx, giveUp := context.WithCancel(t.Context())
	hanging := make(chan error, 1)
	go func() {
		_, err := c.Place(ctx, placing())
		hanging <- err
	}()
	<-s.hung
	s.set("")
	if _, err := c.Place(t.Context(), placing()); err != nil {
		t.Errorf("another call meanwhile: %v", err)
	}
	select {
	case err := <-hanging:
		t.Errorf("the first did not hang: %v", err)
	default:
	}
	giveUp()
	var unknown *calls.PlaceUnknown
	if err := <-hanging; !errors.As(err, &unknown) {
		t.Errorf("what was given up: %v", err)
	}
}

// reports gathers what a follower tells.
type reports struct {
	list chan calls.ProviderReport
	done chan struct{}
}

func (h *house) follow(c *Client, r calls.PlaceRequest, placed ...string) *reports {
	out := &reports{make(chan calls.ProviderReport, 100), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ch := make(chan calls.PlaceResult, 1)
	for _, id := range placed {
		ch <- calls.PlaceResult{ProviderCallID: id}
	}
	hear := c.Follow(ctx, r, ch, func(p calls.ProviderReport) { out.list <- p })
	go func() {
		defer close(out.done)
		hear()
	}()
	until(h.t, "the follower", func() bool {
		c.follows.mu.Lock()
		defer c.follows.mu.Unlock()
		return c.follows.calls[r.CallID] != nil && (len(placed) == 0 || c.follows.calls[r.CallID].api != 0)
	})
	h.t.Cleanup(func() {
		cancel()
		<-out.done
	})
	return out
}

// story is what was told so far, in short; it ends at the end of the follower.
func (r *reports) story(t *testing.T) string {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		t.Fatal("the follower does not end")
	}
	close(r.list)
	var words []string
	for p := range r.list {
		words = append(words, strings.TrimSpace(string(p.State)+" "+p.Digit+string(p.Outcome)+p.RecordURL))
	}
	return strings.Join(words, ", ")
}

func TestCallsArePolledForAndTheProviderIsLeftAloneWhereItIsNotWell(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "poll: 15s")
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Stop(context.Background()) }()
	r := h.follow(c, placing(), "101")
	tick := func(d time.Duration, gets int) {
		t.Helper()
		until(t, "the next poll", func() bool { h.clock.Advance(d); return len(s.asked("get")) >= gets })
	}
	b, err := os.ReadFile(filepath.Join("testdata", "api_call_answered.json"))
	if err != nil {
		t.Fatal(err)
	}
	s.tells(101, string(b))
	tick(time.Second, 1)
	golden(t, "get_request.json", jsonOf(s.asked("get")[0]))
	first := <-r.list
	if first.State != calls.ReportRinging || first.ProviderCallID != "101" {
		t.Errorf("the first report is %+v", first)
	}
	s.set("429")
	n := len(s.asked("get"))
	tick(time.Second, n+1)
	at := h.clock.Now()
	s.set("")
	s.tells(101, read(t, "api_call_finished.json"))
	until(t, "a poll after the fault", func() bool { h.clock.Advance(time.Second); return len(s.asked("get")) > n+1 })
	if left := h.clock.Now().Sub(at); left < 85*time.Second {
		t.Errorf("it was asked again after %v, and wanted 90 s", left)
	}
	if story := r.story(t); story != "answered, digit 1, digit 3, ended" {
		t.Errorf("the story is: %s", story)
	}
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestOneGetAsksAboutAllCalls(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "")
	for i := range int64(12001) {
		w := c.follows.open("call_" + jsonOf(i))
		c.follows.name(w, i+1)
	}
	if after, err := c.poll.round(t.Context()); err != nil || after != 0 {
		t.Fatal(after, err)
	}
	var sizes []int
	for _, body := range s.asked("get") {
		list, _ := body["apiCallIdList"].([]any)
		sizes = append(sizes, len(list))
	}
	if got := jsonOf(sizes); got != "[5000,5000,2001]" {
		t.Errorf("ids by request: %s", got)
	}
}

func TestRequestsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := newLimiter(h.clock, 5)
	if err := l.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- l.wait(t.Context()) }()
	until(t, "the second turn", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.next.Sub(noon) == 400*time.Millisecond })
	select {
	case <-done:
		t.Error("the second went at once")
	default:
	}
	until(t, "its turn", func() bool { h.clock.Advance(200 * time.Millisecond); return len(done) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
}

func TestMethodsAreReachedByTheirName(t *testing.T) {
	t.Parallel()
	h, s := newHouse(t), newLK(t)
	c := h.client(s, "remove: true")
	a, err := c.Test(t.Context(), "getRecords", nil)
	if err != nil || a.Status != 200 || !strings.Contains(string(a.Body), `"id":1484915`) {
		t.Fatalf("%+v %v", a, err)
	}
	if !strings.Contains(h.journal.text(), `"Test":true`) {
		t.Error("the journal does not say that it was a test")
	}
	if _, err := c.Test(t.Context(), "steal", nil); err == nil {
		t.Error("an unknown method went out")
	}
	if err := (removing{c}).Cancel(t.Context(), placing(), calls.PlaceResult{ProviderCallID: "101"}); err != nil {
		t.Error(err)
	}
	golden(t, "remove_request.json", jsonOf(s.asked("remove")[0]))
	for on, want := range map[settings]bool{"remove: true": true, "remove: false": false} {
		p, err := System().New(h.House, "office", "api_key: k\n"+on)
		if _, can := p.(providers.Canceler); err != nil || can != want {
			t.Errorf("%s: a call can be taken back: %v, %v", on, can, err)
		}
	}
}

func TestSettingsThatAreWrongAreNamed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for want, s := range map[string]settings{
		"api_key": "", "url": "api_key: k\nurl: lk.zvonobot.ru", "rate": "api_key: k\nrate: -1", "poll": "api_key: k\npoll: 1ms", "female": "api_key: k\nfemale: 2",
		"ignore": "api_key: k\nignore: [all]", "canceled": "api_key: k\ncanceled: never", "causes.X": "api_key: k\ncauses: {X: answered}", "records.7": "api_key: k\nrecords: {\"7\": 0}",
		"nonsense": "api_key: k\nnonsense: 1",
	} {
		if _, err := newClient(h.House, "x", s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, s := range map[string]settings{"max_phones": "max_phones: 0", "voice": "voice: child", "unmoderated": "unmoderated: maybe", "webhook_statuses": "webhook_statuses: [over]",
		"templates[0]": "templates: [{id: 1}]", "templates[1].id": "templates: [{id: 1, record: \"7\"}, {id: 1, record: \"7\"}]", "smart_delay": "smart_delay: x", "causes": "causes: {x: y}"} {
		if _, err := newFacade(h.House, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
