package api

import (
	"sync"

	"zvonar/internal/calls"
)

// streams counts the live event streams: there is a bound for all, and one for
// each token, so that one client that forgets its streams leaves room for the
// others. Safe for concurrent use.
type streams struct {
	most, mostOfToken int

	mu    sync.Mutex
	open  int
	byTok map[string]int
}

func newStreams(most, mostOfToken int) *streams {
	return &streams{most: most, mostOfToken: mostOfToken, byTok: map[string]int{}}
}

// enter takes a place; leave gives it back.
func (s *streams) enter(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.most {
		return calls.Errorf(calls.CodeOverloaded, "too many live streams are open; close one, or read /v1/events?after= instead")
	}
	if s.byTok[token] >= s.mostOfToken {
		return calls.Errorf(calls.CodeOverloaded, "this token has %d live streams open already; close one, or read /v1/events?after= instead", s.byTok[token])
	}
	s.open++
	s.byTok[token]++
	return nil
}

func (s *streams) leave(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.byTok[token]--; s.byTok[token] == 0 {
		delete(s.byTok, token)
	}
}

// The distance from the end of the log, in positions, at which a reader is told
// that it lags, and at which it counts as having caught up.
const (
	lagFar  = 10000
	lagNear = 1000
)

// lag decides when a reader is told that it is far behind: once, until it has
// caught up.
type lag struct{ told bool }

func (l *lag) tell(behind int64) bool {
	switch {
	case behind < lagNear:
		l.told = false
	case behind > lagFar && !l.told:
		l.told = true
		return true
	}
	return false
}
