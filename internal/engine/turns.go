package engine

import "sync"

// turns counts who is next where several take turns. It is this process's own:
// after a start everybody begins with the first.
type turns struct {
	mu sync.Mutex
	at map[string]int
}

// next is 0, 1, 2, … for each key.
func (t *turns) next(key string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = map[string]int{}
	}
	n := t.at[key]
	t.at[key] = n + 1
	return n
}
