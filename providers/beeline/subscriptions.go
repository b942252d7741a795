package beeline

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
)

const (
	groupTarget = "group" // a subscription for everybody
	ownTarget   = "own"   // one for our user agent's subscriber
	// A subscription that fails is tried again after firstRetry, twice as long each
	// time, up to lastRetry.
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
	// directoryLife is how long the list of subscribers is good.
	directoryLife = 10 * time.Minute
	// maxFailures is after how many failures in a row the rest waits for the next look.
	maxFailures = 3
)

// target is somebody whose events we want.
type target struct {
	key      string // an employee's id, or one of the words above
	pattern  string // as the portal is asked; "": the group
	employee *calls.Employee
	stamp    string // changes when it has to be ordered anew
}

// standing is how the subscription of one target stands, beside what is kept.
type standing struct {
	state    calls.SubscriptionState
	words    string
	lost     bool // the provider ended it, or a person wants it anew
	failures int
	retryAt  time.Time
}

// subscriptions keeps those of one PBX alive. The goroutine of run owns everything
// but what mu guards, which others read.
type subscriptions struct {
	c      *Client
	orders chan order
	wake   chan struct{}

	mu       sync.Mutex
	kept     ledger
	standing map[string]*standing
	targets  []target
	flying   chan struct{} // closed when the request that is under way has its answer; nil: none
	stale    bool          // somebody called whom the list of subscribers does not have

	listedAt time.Time // when the subscribers were read
	grace    time.Duration
}

// order is a person's wish to subscribe again.
type order struct {
	key  string
	done chan error
}

func newSubscriptions(c *Client) *subscriptions {
	return &subscriptions{c: c, orders: make(chan order), wake: make(chan struct{}, 1), kept: ledger{}, standing: map[string]*standing{}, grace: orderGrace}
}

// run looks at them again and again until ctx ends.
func (s *subscriptions) run(ctx context.Context) {
	if s.c.settings.Subscribe == subscribeNo {
		return
	}
	for loaded := false; ; {
		if !loaded {
			loaded = s.load(ctx)
		}
		if loaded {
			s.look(ctx)
		}
		timer := s.c.clock.AfterFunc(s.c.settings.Check, s.kick)
		select {
		case <-s.wake:
		case o := <-s.orders:
			o.done <- s.obey(ctx, o.key)
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

func (s *subscriptions) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// load reads what was kept; false: the store does not answer.
func (s *subscriptions) load(ctx context.Context) bool {
	kept, err := readLedger(ctx, s.c.house.Store, s.c.name)
	if err != nil {
		s.c.log.Error("the subscriptions could not be read; trying again", "error", err)
		return false
	}
	s.mu.Lock()
	s.kept = kept
	s.mu.Unlock()
	return true
}

// look orders what is missing or about to end, and ends what nobody wants.
func (s *subscriptions) look(ctx context.Context) {
	targets, err := s.wanted(ctx)
	if err != nil {
		s.c.log.Error("the employees could not be read; trying again", "error", err)
		return
	}
	s.directory(ctx)
	failures := 0
	for _, t := range targets {
		if failures >= maxFailures || ctx.Err() != nil {
			return
		}
		if s.due(t) {
			if s.order(ctx, t) != nil {
				failures++
			}
		}
	}
	s.clear(ctx, targets)
}

// wanted is whose events we want now.
func (s *subscriptions) wanted(ctx context.Context) ([]target, error) {
	var staff []*calls.Employee
	err := s.c.house.Store.View(ctx, func(tx calls.ReadTx) error {
		after := ""
		for {
			page, err := tx.Employees(s.c.account, after, 500)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				if e.Provider == s.c.name {
					staff = append(staff, e)
				}
			}
			after = page[len(page)-1].ID
		}
	})
	if err != nil {
		return nil, err
	}
	s.c.people.setStaff(staff)
	var list []target
	address := s.address()
	add := func(key, pattern string, e *calls.Employee) {
		stamp := pattern + " " + address
		if e != nil {
			stamp += " " + e.UpdatedAt.UTC().Format(time.RFC3339Nano) // who saves him again subscribes again
		}
		list = append(list, target{key, pattern, e, stamp})
	}
	if s.c.settings.Subscribe == subscribeGroup {
		add(groupTarget, "", nil)
	} else {
		for _, e := range staff {
			if e.Subscriber != "" {
				add(e.ID, patternOf(e), e)
			}
		}
		if s.c.settings.Answers == answersSIP {
			add(ownTarget, s.c.settings.Subscriber, nil)
		}
	}
	s.mu.Lock()
	s.targets = list
	s.mu.Unlock()
	return list, nil
}

// address is where events are to be sent; "": the configuration does not say.
func (s *subscriptions) address() string {
	if s.c.house.IntakeURL == nil {
		return ""
	}
	if u := s.c.house.IntakeURL(s.c.name); strings.Contains(u, "://") {
		return u
	}
	return ""
}

// directory reads the list of subscribers now and then: events name some of them by
// ids that say nothing.
func (s *subscriptions) directory(ctx context.Context) {
	s.mu.Lock()
	stale := s.stale
	s.stale = false
	s.mu.Unlock()
	now := s.c.clock.Now()
	if !s.listedAt.IsZero() && now.Sub(s.listedAt) < directoryLife && !(stale && now.Sub(s.listedAt) > time.Minute) {
		return
	}
	s.listedAt = now
	list, err := s.c.portal.Abonents(ctx)
	if err != nil {
		s.c.log.Debug("the list of subscribers could not be read", "error", err)
		return
	}
	s.c.people.setAbonents(list)
}

// of gives the standing of a target, made where there is none; mu is held.
func (s *subscriptions) of(key string) *standing {
	st := s.standing[key]
	if st == nil {
		st = &standing{state: calls.SubscriptionWanted}
		s.standing[key] = st
	}
	return st
}

// due reports whether a target has to be subscribed now.
func (s *subscriptions) due(t target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, st := s.c.clock.Now(), s.of(t.key)
	have, ok := s.kept[t.key]
	fits := ok && have.Stamp == t.stamp && !st.lost && now.Before(have.Expires.Add(-have.margin(s.c.settings.Renew)))
	if fits {
		st.state, st.words = calls.SubscriptionActive, ""
		return false
	}
	return !now.Before(st.retryAt)
}

// order subscribes a target, keeps the id and ends what was before.
func (s *subscriptions) order(ctx context.Context, t target) error {
	address := s.address()
	if address == "" {
		err := calls.Errorf(calls.CodeWrongState, "events have no address to come to: set intake.secret of the provider and http.public_url")
		s.failed(t, err.Detail, nil)
		return err
	}
	flying := make(chan struct{})
	s.mu.Lock()
	s.flying = flying
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.flying = nil
		s.mu.Unlock()
		close(flying)
	}()
	asked := Subscription{Pattern: t.pattern, Expires: Millis(s.c.settings.Expires / time.Second), SubscriptionType: s.c.settings.SubscriptionType, URL: address}
	asking, cancel := s.lingering(ctx)
	got, err := s.c.portal.Subscribe(asking, asked)
	cancel()
	if err != nil {
		s.failed(t, explain(err), err)
		return err
	}
	now, granted := s.c.clock.Now(), time.Duration(got.Expires)*time.Second
	if granted <= 0 || granted > s.c.settings.Expires {
		granted = s.c.settings.Expires
	}
	s.mu.Lock()
	old := s.kept[t.key]
	next := kept{ID: got.SubscriptionID, Stamp: t.stamp, Since: now, Expires: now.Add(granted), Old: old.Old}
	if old.ID != "" && old.ID != next.ID {
		next.Old = append(slices.Clip(next.Old), old.ID)
	}
	s.kept[t.key] = next
	st := s.of(t.key)
	if early := st.lost && !old.Since.IsZero() && now.Sub(old.Since) < time.Minute; early {
		st.failures++ // it is taken and ended at once, over and over
		st.retryAt = now.Add(retryAfter(st.failures))
	} else {
		st.failures, st.retryAt = 0, time.Time{}
	}
	st.state, st.words, st.lost = calls.SubscriptionActive, "", false
	s.mu.Unlock()
	s.c.log.Info("subscribed to a telephone's events", "target", t.key, "expires", next.Expires)
	s.save(ctx)
	s.dropOld(ctx, t.key)
	return nil
}

// failed notes why a target could not be subscribed.
func (s *subscriptions) failed(t target, words string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.of(t.key)
	if st.words != words {
		s.c.log.Warn("a telephone's events could not be subscribed to; trying again", "target", t.key, "why", words, "error", err)
	}
	st.failures++
	st.state, st.words, st.retryAt = calls.SubscriptionFailed, words, s.c.clock.Now().Add(retryAfter(st.failures))
}

func retryAfter(failures int) time.Duration {
	return min(firstRetry<<min(failures-1, 10), lastRetry)
}

// dropOld ends the subscriptions that a newer one of the same target replaced.
func (s *subscriptions) dropOld(ctx context.Context, key string) {
	s.mu.Lock()
	old := slices.Clone(s.kept[key].Old)
	s.mu.Unlock()
	if len(old) == 0 {
		return
	}
	gone := map[string]bool{}
	for _, id := range old {
		err := s.c.portal.Unsubscribe(ctx, id)
		status := statusOf(err)
		gone[id] = err == nil || status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusUnauthorized
	}
	s.mu.Lock()
	k := s.kept[key]
	k.Old = slices.DeleteFunc(slices.Clone(k.Old), func(id string) bool { return gone[id] })
	if n := len(k.Old); n > maxFailures {
		k.Old = k.Old[n-maxFailures:] // they end by themselves
	}
	s.kept[key] = k
	s.mu.Unlock()
	s.save(ctx)
}

// clear ends subscriptions that have no target any more, and those that are left of
// an earlier try.
func (s *subscriptions) clear(ctx context.Context, targets []target) {
	s.mu.Lock()
	keys := slices.Sorted(maps.Keys(s.kept))
	s.mu.Unlock()
	for _, key := range keys {
		s.mu.Lock()
		k, now := s.kept[key], s.c.clock.Now()
		s.mu.Unlock()
		if slices.ContainsFunc(targets, func(t target) bool { return t.key == key }) {
			if len(k.Old) > 0 {
				s.dropOld(ctx, key)
			}
			continue
		}
		if now.Before(k.Expires) && k.ID != "" {
			if err := s.c.portal.Unsubscribe(ctx, k.ID); err != nil && statusOf(err) < 400 {
				continue
			}
		}
		s.mu.Lock()
		delete(s.kept, key)
		delete(s.standing, key)
		s.mu.Unlock()
		s.save(ctx)
	}
}

// save keeps the ids, also while the client stops: what the provider has just given
// would be ordered anew after the restart, and its events be nobody's.
func (s *subscriptions) save(ctx context.Context) {
	s.mu.Lock()
	doc := maps.Clone(s.kept)
	s.mu.Unlock()
	if err := writeLedger(context.WithoutCancel(ctx), s.c.house.Store, s.c.name, doc, s.c.clock.Now()); err != nil {
		s.c.log.Error("the subscriptions could not be kept; after a restart they are ordered anew", "error", err)
	}
}

// obey subscribes one target anew because a person wants it.
func (s *subscriptions) obey(ctx context.Context, key string) error {
	targets, err := s.wanted(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(targets, func(t target) bool { return t.key == key })
	if i < 0 && s.c.settings.Subscribe == subscribeGroup {
		i = slices.IndexFunc(targets, func(t target) bool { return t.key == groupTarget })
	}
	if i < 0 {
		return calls.Errorf(calls.CodeWrongState, "the employee has no subscriber at provider %q; set provider and subscriber", s.c.name)
	}
	if err := s.order(ctx, targets[i]); err != nil {
		return fmt.Errorf("the subscription failed: %w", err)
	}
	return nil
}
