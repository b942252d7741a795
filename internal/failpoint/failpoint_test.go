package failpoint

import (
	"testing"
	"time"
)

func TestAnArmedPointActsAtTheOrderedPassageOnly(t *testing.T) {
	t.Parallel()
	points, err := parse("store.commit=error@2, store.commit=delay:1ns,engine.answered=kill")
	if err != nil {
		t.Fatal(err)
	}
	p := points[StoreCommit]
	for n := 1; n <= 3; n++ {
		if err := p.pass(StoreCommit); (err != nil) != (n == 2) {
			t.Errorf("passage %d: %v", n, err)
		}
	}
	if o := points[CallAnswered].orders[0]; o.kind != "kill" || o.at != 1 {
		t.Errorf("kill without a number is %+v; want the first passage", o)
	}
	if d := points[StoreCommit].orders[1].delay; d != time.Nanosecond {
		t.Errorf("delay %v", d)
	}
}

func TestAListThatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"nowhere=kill", "store.commit", "store.commit=explode", "store.commit=delay:soon", "store.commit=kill@0", "store.commit=error@x"} {
		if _, err := parse(list); err == nil {
			t.Errorf("%q was accepted", list)
		}
	}
	if points, err := parse(""); points != nil || err != nil {
		t.Errorf("nothing armed: %v %v", points, err)
	}
}
