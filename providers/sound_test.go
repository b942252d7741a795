package providers

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// limited is a writer that notes until when an answer may take.
type limited struct {
	http.ResponseWriter
	until time.Time
}

func (l *limited) SetWriteDeadline(t time.Time) error { l.until = t; return nil }

func TestSoundMayTakeLongerThanOtherAnswersAlsoWhereItIsJournalled(t *testing.T) {
	t.Parallel()
	h, _ := newHouse()
	w := &limited{ResponseWriter: httptest.NewRecorder()}
	h.Journalled("x", "", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { GiveTime(w) })).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if left := time.Until(w.until); left < soundTime/2 {
		t.Errorf("%s are left", left)
	}
}
