package providers_test

import (
	"context"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/engine"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

func TestTheSameOrderRingsOnceWithinTheWindow(t *testing.T) {
	clk := clock.NewFake(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
	w := providerstest.New(clk)
	order := func(account, to string, window time.Duration, said ...string) (string, bool) {
		t.Helper()
		c, repeated, err := w.House.Once(context.Background(), window, engine.CallRequest{Account: account, To: to}, said...)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID, repeated
	}
	first, repeated := order("main", "79161234567", 20*time.Second, "key_1", "create", "body")
	if repeated {
		t.Fatal("the first order is no repetition")
	}
	for name, again := range map[string]struct {
		account string
		said    []string
		same    bool
	}{
		"the same":                   {"main", []string{"key_1", "create", "body"}, true},
		"of another key":             {"main", []string{"key_2", "create", "body"}, false},
		"another method":             {"main", []string{"key_1", "call", "body"}, false},
		"another body":               {"main", []string{"key_1", "create", "body2"}, false},
		"with its borders elsewhere": {"main", []string{"key_1", "creat", "ebody"}, false},
		"in another account":         {"other", []string{"key_1", "create", "body"}, false},
	} {
		id, repeated := order(again.account, "79161234567", 20*time.Second, again.said...)
		if repeated != again.same || (id == first) != again.same {
			t.Errorf("%s: repeated %v", name, repeated)
		}
	}
	clk.Advance(20*time.Second - time.Nanosecond)
	if id, _ := order("main", "79161234567", 20*time.Second, "key_1", "create", "body"); id != first {
		t.Error("the order is forgotten before its time")
	}
	clk.Advance(time.Nanosecond)
	if id, _ := order("main", "79161234567", 20*time.Second, "key_1", "create", "body"); id == first {
		t.Error("the order is remembered beyond its time")
	}
	one, _ := order("main", "79161234567", 0, "key_9", "create", "body")
	if two, _ := order("main", "79161234567", 0, "key_9", "create", "body"); one == two {
		t.Error("without a window an order is taken for a repetition")
	}
}

func TestAnOrderThatFailedMayBeRepeated(t *testing.T) {
	w := providerstest.New(clock.NewFake(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)))
	r := engine.CallRequest{Account: "main", To: "79161234567"}
	w.Engine.Fail(calls.Errorf(calls.CodeOverloaded, "not now"))
	if _, _, err := w.House.Once(context.Background(), time.Minute, r, "x"); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Fatal(err)
	}
	w.Engine.Fail(nil)
	if _, repeated, err := w.House.Once(context.Background(), time.Minute, r, "x"); err != nil || repeated {
		t.Errorf("the order is refused once more: %v %v", repeated, err)
	}
}

func TestARepeatWindowIsAnHourAtMost(t *testing.T) {
	for d, ok := range map[time.Duration]bool{0: true, providers.RepeatWindow: true, time.Hour: true, -1: false, time.Hour + 1: false} {
		if err := providers.CheckRepeatWindow(d); (err == nil) != ok {
			t.Errorf("%s: %v", d, err)
		}
	}
}
