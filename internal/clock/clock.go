// Package clock gives time and identifiers to whoever needs them, so that tests
// can hold both in their hands. Nothing in the house calls time.Now or rand on
// its own where an outcome depends on it.
package clock

import (
	"crypto/rand"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// Clock tells the time and wakes people up.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in its own goroutine (System) or from Advance (Fake)
	// once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop prevents f from being called; it reports whether it came in time.
	Stop() bool
}

// System is the real clock.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// IDs makes identifiers: ULIDs, so they sort by time of making.
type IDs struct {
	mu      sync.Mutex
	clock   Clock
	entropy io.Reader
}

// NewIDs makes a source of identifiers. A nil entropy is crypto/rand.
func NewIDs(c Clock, entropy io.Reader) *IDs {
	if entropy == nil {
		entropy = rand.Reader
	}
	return &IDs{clock: c, entropy: ulid.Monotonic(entropy, 0)}
}

// TimeOf is when an id with a prefix ("call_…") was made, to the millisecond.
func TimeOf(id string) (at time.Time, ok bool) {
	u, err := ulid.ParseStrict(id[strings.LastIndexByte(id, '_')+1:])
	return ulid.Time(u.Time()), err == nil
}

// New returns prefix + a fresh ULID. Safe for concurrent use.
func (g *IDs) New(prefix string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	id, err := ulid.New(ulid.Timestamp(g.clock.Now()), g.entropy)
	if err != nil {
		// The monotonic counter of this millisecond is used up, or the system
		// has no randomness; both are answered by fresh entropy.
		id = ulid.MustNew(ulid.Timestamp(g.clock.Now()), rand.Reader)
	}
	return prefix + id.String()
}
