package campaign

import (
	"testing"
	"time"
)

func TestAnImportForWhichNobodyWaitsDoesNotRest(t *testing.T) {
	t.Parallel()
	var p pace
	now := time.Unix(1_790_000_000, 0)
	for range 1000 {
		if d := p.after(now, 512, false); d != 0 || p.unit(512) != 512 {
			t.Fatalf("a rest of %v, the next unit has %d contacts", d, p.unit(512))
		}
		now = now.Add(time.Millisecond)
	}
}

// crowd runs an import for a while in which each unit takes as long as took says,
// and the first one kept somebody waiting.
func crowd(p *pace, now time.Time, during time.Duration, took func(n int) time.Duration) (lines int, after time.Time) {
	for end, first := now.Add(during), true; now.Before(end); first = false {
		n := p.unit(512)
		lines += n
		now = now.Add(took(n))
		now = now.Add(p.after(now, n, first))
	}
	return lines, now
}

func TestAnImportForWhichSomebodyWaitedKeepsThePaceInSmallUnits(t *testing.T) {
	t.Parallel()
	var p pace
	lines, _ := crowd(&p, time.Unix(1_790_000_000, 0), 5*time.Second, func(n int) time.Duration { return 400*time.Microsecond + time.Duration(n)*9*time.Microsecond })
	if want := 5 * pacedLines; lines < want*98/100 || lines > want*102/100 {
		t.Errorf("%d lines in 5 s, want %d", lines, want)
	}
	if n := p.unit(512); n != leastUnit {
		t.Errorf("units of %d contacts, want %d", n, leastUnit)
	}
}

func TestWhereCommitsAreSlowTheUnitsOfACrowdedImportGrow(t *testing.T) {
	t.Parallel()
	var p pace
	lines, _ := crowd(&p, time.Unix(1_790_000_000, 0), 5*time.Second, func(n int) time.Duration { return 8*time.Millisecond + time.Duration(n)*9*time.Microsecond })
	if want := 5 * pacedLines; lines < want*95/100 {
		t.Errorf("%d lines in 5 s, want %d", lines, want)
	}
}

func TestAnImportGoesOnAtFullSpeedOnceNobodyWaitedForAWhile(t *testing.T) {
	t.Parallel()
	var p pace
	_, now := crowd(&p, time.Unix(1_790_000_000, 0), crowdedFor/2, func(int) time.Duration { return time.Millisecond })
	if p.unit(512) == 512 {
		t.Fatal("it is not paced")
	}
	if d := p.after(now.Add(crowdedFor), 32, false); d != 0 || p.unit(512) != 512 {
		t.Errorf("a rest of %v, the next unit has %d contacts", d, p.unit(512))
	}
}
