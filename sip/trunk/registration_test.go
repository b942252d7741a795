package trunk

import (
	"testing"
	"time"
)

func TestWhenARegistrationIsRefreshed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		granted     time.Duration
		least, most time.Duration
	}{
		{time.Hour, 45 * time.Minute, 51 * time.Minute},
		{time.Minute, 45 * time.Second, 51 * time.Second},
		{10 * time.Second, 7500 * time.Millisecond, 8500 * time.Millisecond},
		{time.Second, time.Second, time.Second},
		{0, time.Second, time.Second},
	} {
		if a, b := RefreshIn(tc.granted, 0), RefreshIn(tc.granted, 1); a != tc.least || b != tc.most {
			t.Errorf("granted %s: %s to %s, want %s to %s", tc.granted, a, b, tc.least, tc.most)
		}
	}
}

func TestHowLongARefusedRegistrationWaits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		what        Trouble
		fails       int
		asked       time.Duration
		least, most time.Duration
	}{
		{Silent, 1, 0, time.Second, time.Second},
		{Silent, 2, 0, time.Second, 2 * time.Second},
		{Silent, 3, 0, 2 * time.Second, 4 * time.Second},
		{Silent, 4, 0, 2500 * time.Millisecond, 5 * time.Second},
		{Silent, 1000000, 0, 2500 * time.Millisecond, 5 * time.Second},
		{Busy, 1, 0, time.Second, time.Second},
		{Busy, 1, time.Minute, time.Minute, 66 * time.Second},
		{Busy, 1, 24 * time.Hour, 10 * time.Minute, 11 * time.Minute},
		{Refused, 1, 0, 15 * time.Second, 30 * time.Second},
		{Refused, 3, 0, time.Minute, 2 * time.Minute},
		{Refused, 100, 0, 5 * time.Minute, 10 * time.Minute},
	} {
		if a, b := RetryIn(tc.what, tc.fails, tc.asked, 0), RetryIn(tc.what, tc.fails, tc.asked, 1); a != tc.least || b != tc.most {
			t.Errorf("trouble %d, failure %d, asked %s: %s to %s, want %s to %s", tc.what, tc.fails, tc.asked, a, b, tc.least, tc.most)
		}
	}
}

// The figure that matters: between two REGISTERs that a dead registrar misses
// there are never 10 s.
func TestARegistrarThatComesBackIsAskedWithinTenSeconds(t *testing.T) {
	t.Parallel()
	// Over UDP a request is repeated after 0.5, 1.5, 3.5 and 7.5 s.
	lastRepeat := 7500 * time.Millisecond
	if gap := RegisterPatience - lastRepeat + RetryIn(Silent, 1000, 0, 1); gap > 9*time.Second {
		t.Errorf("over UDP nothing is sent for %s", gap)
	}
	// Over TCP a dead registrar refuses at once, or connecting takes its 5 s.
	if gap := 5*time.Second + RetryIn(Silent, 1000, 0, 1); gap > 10*time.Second {
		t.Errorf("over TCP nothing is sent for %s", gap)
	}
}

func TestWhatARefusalOfARegistrationMeans(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]Trouble{401: Refused, 403: Refused, 404: Refused, 405: Refused, 423: Refused, 501: Refused, 603: Refused,
		408: Busy, 480: Busy, 500: Busy, 503: Busy, 504: Busy} {
		if got := RegisterTrouble(code); got != want {
			t.Errorf("%d: %d, want %d", code, got, want)
		}
		if RegisterWords("u", "h", code, "x") == "" {
			t.Errorf("no words for %d", code)
		}
	}
}
