package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/store"
)

func TestRefAndIdempotencyKeyReplay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := context.Background()
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", Ref: "order-1", IdempotencyKey: "k", BodyHash: "h"}
	first, replayed, err := b.e.Submit(ctx, r)
	if err != nil || replayed {
		t.Fatal(err, replayed)
	}
	for _, again := range []CallRequest{r, {Account: "main", To: "79161234567", Clip: "1001", Ref: "order-1", BodyHash: "h"}} {
		c, replayed, err := b.e.Submit(ctx, again)
		if err != nil || !replayed || c.ID != first.ID {
			t.Errorf("replay: %v %v", replayed, err)
		}
	}
	other := r
	other.BodyHash = "other"
	if _, _, err := b.e.Submit(ctx, other); calls.CodeOf(err) != calls.CodeIdempotencyConflict {
		t.Errorf("same key, other body: %v", err)
	}
	other.IdempotencyKey = ""
	if _, _, err := b.e.Submit(ctx, other); calls.CodeOf(err) != calls.CodeRefConflict {
		t.Errorf("same ref, other body: %v", err)
	}
	if len(b.store.rows) != 1 {
		t.Errorf("%d calls were stored", len(b.store.rows))
	}
}

func TestAdmissionRefusesAndStoresNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		change   func(*CallRequest)
		code     calls.Code
		location string
	}{
		{"malformed number", func(r *CallRequest) { r.To = "79x" }, calls.CodeInvalidNumber, "body.to"},
		{"header injection", func(r *CallRequest) { r.To = "79161234567\r\nX: y" }, calls.CodeInvalidNumber, "body.to"},
		{"other country", func(r *CallRequest) { r.To = "12125550123" }, calls.CodeDestinationForbidden, "body.to"},
		{"unknown clip", func(r *CallRequest) { r.Clip = "77" }, calls.CodeUnknownRecording, "body.record_id"},
		{"unknown from", func(r *CallRequest) { r.From = "79160000000" }, calls.CodeInvalidField, "body.from"},
		{"unknown trunk", func(r *CallRequest) { r.Trunk = "nope" }, calls.CodeInvalidField, "body.trunk"},
		{"unknown provider", func(r *CallRequest) { r.Provider = "nope" }, calls.CodeInvalidField, "body.provider"},
		{"forbidden manager", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{4: {Kind: calls.ActionManager, Value: "12125550123"}})
		}, calls.CodeDestinationForbidden, "body.digits[4]"},
		{"extension at an unknown trunk", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{4: {Kind: calls.ActionManager, Value: "201@nope"}})
		}, calls.CodeBadAction, "body.digits[4]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := CallRequest{Account: "main", To: "79161234567", Clip: "1001"}
			tc.change(&r)
			_, _, err := b.e.Submit(context.Background(), r)
			var known *calls.Error
			if !errors.As(err, &known) || known.Code != tc.code {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			if tc.location != "" && (len(known.Fields) == 0 || known.Fields[0].Location != tc.location) {
				t.Errorf("fields %+v, want %s", known.Fields, tc.location)
			}
			if len(b.store.rows)+len(b.store.events)+len(b.queue.queued) != 0 {
				t.Error("something was stored or queued")
			}
		})
	}
}

// onDisk puts the real store under the engine.
func onDisk(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	s, err := store.Open(context.Background(), store.Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	b.e.store = s
	return b
}

func TestOneRefAskedForByManyAtOnceIsOneCall(t *testing.T) {
	t.Parallel()
	b := onDisk(t)
	const askers = 32
	var wg sync.WaitGroup
	ids, fresh := make([]string, askers), make([]bool, askers)
	for i := range askers {
		wg.Go(func() {
			c, replayed, err := b.e.Submit(context.Background(), CallRequest{Account: "main", To: "79161234567", Clip: "1001", Ref: "parcel", BodyHash: "h"})
			if err != nil {
				t.Errorf("asker %d: %v", i, err)
				return
			}
			ids[i], fresh[i] = c.ID, !replayed
		})
	}
	wg.Wait()
	n := 0
	for i := range askers {
		if fresh[i] {
			n++
		}
		if ids[i] != ids[0] {
			t.Errorf("asker %d got call %s, asker 0 %s", i, ids[i], ids[0])
		}
	}
	if n != 1 || len(b.queue.queued) != 1 {
		t.Errorf("%d calls were made, %d queued", n, len(b.queue.queued))
	}
}

func TestRefMayBeUsedAgainOnceItsCallIsOver(t *testing.T) {
	t.Parallel()
	b := onDisk(t)
	ctx := context.Background()
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", Ref: "parcel", BodyHash: "h"}
	first, _, err := b.e.Submit(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.e.Hangup(ctx, "main", first.ID); err != nil {
		t.Fatal(err)
	}
	second, replayed, err := b.e.Submit(ctx, r)
	if err != nil || replayed || second.ID == first.ID {
		t.Errorf("after its end the ref gave %v, replayed %v", err, replayed)
	}
}

func TestIdempotencyKeyHoldsForADayEvenWhenTheCallIsOver(t *testing.T) {
	t.Parallel()
	b := onDisk(t)
	ctx := context.Background()
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", IdempotencyKey: "k", BodyHash: "h"}
	first, _, err := b.e.Submit(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.e.Hangup(ctx, "main", first.ID); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(idempotencyLife - time.Second)
	if again, replayed, err := b.e.Submit(ctx, r); err != nil || !replayed || again.ID != first.ID {
		t.Errorf("within the day: %v, replayed %v", err, replayed)
	}
	b.clock.Advance(time.Second)
	r.BodyHash = "another"
	second, replayed, err := b.e.Submit(ctx, r)
	if err != nil || replayed || second.ID == first.ID {
		t.Fatalf("after the day: %v, replayed %v", err, replayed)
	}
	if again, replayed, err := b.e.Submit(ctx, r); err != nil || !replayed || again.ID != second.ID {
		t.Errorf("the key used anew: %v, replayed %v", err, replayed)
	}
}

func TestIdempotencyKeyHoldsAsLongAsTheRequestSays(t *testing.T) {
	t.Parallel()
	b := onDisk(t)
	ctx := context.Background()
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", IdempotencyKey: "order\nk", IdempotencyLife: 20 * time.Second, BodyHash: "h"}
	first, _, err := b.e.Submit(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(20*time.Second - time.Microsecond)
	if again, replayed, err := b.e.Submit(ctx, r); err != nil || !replayed || again.ID != first.ID {
		t.Errorf("within its time: %v, replayed %v", err, replayed)
	}
	b.clock.Advance(time.Microsecond)
	if second, replayed, err := b.e.Submit(ctx, r); err != nil || replayed || second.ID == first.ID {
		t.Errorf("after its time: %v, replayed %v", err, replayed)
	}
}

func TestSeriesOfAnyLengthIsCancelled(t *testing.T) {
	t.Parallel()
	b := onDisk(t)
	ctx := context.Background()
	const calledFor = 501 // more than one page
	for i := range calledFor {
		if _, _, err := b.e.Submit(ctx, CallRequest{Account: "main", To: "79161234567", Clip: "1001", Series: "s", BodyHash: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	ended, err := b.e.Cancel(ctx, "main", "", "s")
	if err != nil || len(ended) != calledFor || len(b.queue.queued) != 0 {
		t.Fatalf("%d calls ended, %d are still queued: %v", len(ended), len(b.queue.queued), err)
	}
	if c := ended[0]; c.Outcome != calls.OutcomeCanceled || c.Reason != calls.ReasonSeriesCanceled {
		t.Errorf("ended %s/%s", c.Outcome, c.Reason)
	}
}

func TestInboundLegIsHungUpByTheNextProcess(t *testing.T) {
	t.Parallel()
	b := onDisk(t)
	leg := newMemLeg("in")
	b.e.Incoming(leg, calls.Invite{Trunk: "main", From: "79161234567", To: "78005553535"})
	b.told(leg, "ring", "answer")
	leg.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA", Dialog: []byte("caller")})
	b.told(leg, "play 1002")
	var id string
	for s := range b.e.sessions {
		id = s
	}
	b.settle(id)
	// Update waits for everything observed before it.
	if err := b.e.store.Update(context.Background(), func(calls.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	next := newBench(t)
	next.e.store, next.e.nodes = b.e.store, &memNodes{name: "a", fence: 2}
	if err := next.e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := <-next.line.orphans; got != "caller" {
		t.Errorf("BYE to %q", got)
	}
	next.e.wg.Wait()
	leg.end(calls.Ending{Answered: true, By: calls.ByCustomer})
	b.e.wg.Wait()
}

func TestFaultsOfManagersAreLocatedLikeThoseOfDigits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bad := calls.Action{Kind: calls.ActionManager, Value: "12125550123"}
	for want, m := range map[string]calls.DigitMap{
		"body.flow.digits[0]":                      {{bad}},
		"body.flow.digits[1].actions[1]":           {nil, {{Kind: calls.ActionSMS, Value: "x"}, bad}},
		"body.flow.digits[0].digits[2]":            {{{Kind: calls.ActionRecord, Value: "1002", Digits: calls.DigitMap{nil, nil, {bad}}}}},
		"body.flow.digits[0].actions[1].digits[0]": {{{Kind: calls.ActionSMS, Value: "x"}, {Kind: calls.ActionRecord, Value: "1002", Digits: calls.DigitMap{{bad}}}}},
	} {
		flow := calls.DefaultFlow()
		flow.Record, flow.Digits = "1001", m
		_, _, err := b.e.Submit(context.Background(), CallRequest{Account: "main", To: "79161234567", Flow: &flow})
		if got := locationOf(err); calls.CodeOf(err) != calls.CodeDestinationForbidden || got != want {
			t.Errorf("located at %q, want %q (%v)", got, want, err)
		}
	}
}

func locationOf(err error) string {
	var known *calls.Error
	if !errors.As(err, &known) || len(known.Fields) == 0 {
		return ""
	}
	return known.Fields[0].Location
}

func TestFurtherBadInputIsRefusedAndStoresNothing(t *testing.T) {
	t.Parallel()
	past := epoch.Add(-time.Hour)
	for _, tc := range []struct {
		name     string
		change   func(*CallRequest)
		code     calls.Code
		location string
	}{
		{"no number", func(r *CallRequest) { r.To = "" }, calls.CodeInvalidNumber, "body.to"},
		{"short number", func(r *CallRequest) { r.To = "7916123" }, calls.CodeInvalidNumber, "body.to"},
		{"emergency number", func(r *CallRequest) { r.To = "112" }, "", "body.to"},
		{"premium number", func(r *CallRequest) { r.To = "78091234567" }, calls.CodeDestinationForbidden, "body.to"},
		{"control byte in a manager's number", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{3: {Kind: calls.ActionManager, Value: "7424\x002490764"}})
		}, "", "body.digits[3]"},
		{"header injection by an extension", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{3: {Kind: calls.ActionManager, Value: "201\r\nX: y@main"}})
		}, calls.CodeBadAction, "body.digits[3]"},
		{"emergency as a manager", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{3: {Kind: calls.ActionManager, Value: "112"}})
		}, "", "body.digits[3]"},
		{"trunk that is not the provider's", func(r *CallRequest) { r.Provider, r.Trunk = "cloud", "main" }, calls.CodeInvalidField, "body.trunk"},
		{"number of another trunk", func(r *CallRequest) { r.Trunk, r.From = "main", "78005550000" }, calls.CodeInvalidField, "body.from"},
		{"not_after in the past", func(r *CallRequest) { r.NotAfter = &past }, calls.CodeInvalidField, "body.not_after"},
		{"unknown clip behind a digit", func(r *CallRequest) {
			r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionRecord, Value: "77"}})
		}, calls.CodeUnknownRecording, "body.digits[1]"},
		{"unknown clip in a nested map of a flow", func(r *CallRequest) {
			f := calls.DefaultFlow()
			f.Record, f.Digits = "1001", calls.DigitMap{{{Kind: calls.ActionRecord, Value: "1002", Digits: calls.DigitMap{nil, {{Kind: calls.ActionRecord, Value: "77"}}}}}}
			r.Clip, r.Flow = "", &f
		}, calls.CodeUnknownRecording, "body.flow.digits[0].digits[1]"},
		{"unknown prompt of a flow", func(r *CallRequest) {
			f := calls.DefaultFlow()
			f.Record, f.Manager.BusyRecord = "1001", "77"
			r.Clip, r.Flow = "", &f
		}, calls.CodeUnknownRecording, "body.flow.manager.busy_record"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", Ref: "ref", IdempotencyKey: "k"}
			tc.change(&r)
			_, _, err := b.e.Submit(context.Background(), r)
			var known *calls.Error
			if !errors.As(err, &known) || tc.code != "" && known.Code != tc.code || locationOf(err) != tc.location {
				t.Errorf("got %v at %q, want %s at %q", err, locationOf(err), tc.code, tc.location)
			}
			if len(b.store.rows)+len(b.store.events)+len(b.queue.queued)+len(b.store.idem) != 0 {
				t.Error("something was stored or queued")
			}
		})
	}
}

func TestAddressOfItsOwnKeepsTheKindThatSpeaksToIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", WebhookURL: "https://bot.example.net/hook"}
	said := r
	said.To, said.WebhookKind, said.WebhookKey, said.WebhookSettings = "79161234568", "sipuni", "key_1", []byte(`{"echo":"7"}`)
	for _, r := range []CallRequest{r, said} {
		if _, _, err := b.e.Submit(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	plain, own := b.store.webhooks[0], b.store.webhooks[1]
	if plain.Kind != calls.KindWebhook || plain.Key != "" || plain.Settings != nil {
		t.Errorf("a plain webhook_url is %+v", plain)
	}
	if own.Kind != "sipuni" || own.Key != "key_1" || string(own.Settings) != `{"echo":"7"}` || own.CallID == "" || own.URL != r.WebhookURL {
		t.Errorf("one with a kind is %+v", own)
	}
}
