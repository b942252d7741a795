package hearing

import (
	"testing"
	"time"
)

// verdict is a test that notes how it was judged and goes on.
type verdict struct {
	testing.TB
	failed, skipped bool
}

func (*verdict) Helper()                {}
func (*verdict) Log(...any)             {}
func (v *verdict) Error(...any)         { v.failed = true }
func (v *verdict) Skipf(string, ...any) { v.skipped = true }

func TestFaultsCountWhereTheMachineRanEvenly(t *testing.T) {
	t.Parallel()
	const even, uneven = time.Millisecond, time.Second
	for name, c := range map[string]struct {
		late            []time.Duration // of each try
		wrong           []bool
		failed, skipped bool
	}{
		"well on a busy machine":           {late: []time.Duration{uneven}, wrong: []bool{false}},
		"wrong on an even machine":         {late: []time.Duration{even}, wrong: []bool{true}, failed: true},
		"the machine's, then well":         {late: []time.Duration{uneven, even}, wrong: []bool{true, false}},
		"the machine's, then wrong":        {late: []time.Duration{uneven, uneven, even}, wrong: []bool{true, true, true}, failed: true},
		"on a machine that is never quiet": {late: []time.Duration{uneven, uneven, uneven}, wrong: []bool{true, true, true}, skipped: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, n := &verdict{TB: t}, 0
			judge(v, func() (wrong []string) {
				if n++; c.wrong[n-1] {
					wrong = []string{"a gap"}
				}
				return wrong
			}, func() func() time.Duration { return func() time.Duration { return c.late[n-1] } })
			if n != len(c.late) || v.failed != c.failed || v.skipped != c.skipped {
				t.Errorf("listened to %d times, failed: %v, skipped: %v", n, v.failed, v.skipped)
			}
		})
	}
}
