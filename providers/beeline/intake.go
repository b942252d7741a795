package beeline

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// flyWait is how long an event of a subscription that we do not know waits for the
// answer that may name it: the first one can be faster than that.
const flyWait = 5 * time.Second

// takeEvent answers an event of the provider. What is taken in is told in its own
// time; the answer does not wait for that.
func (c *Client) takeEvent(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "events are posted", http.StatusMethodNotAllowed)
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/xml" && media != "text/xml" {
		refuse(w, r, http.StatusUnsupportedMediaType, "an event is application/xml")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		tooLarge := (*http.MaxBytesError)(nil)
		if errors.As(err, &tooLarge) {
			refuse(w, r, http.StatusRequestEntityTooLarge, "the event is too long")
		} else {
			refuse(w, r, http.StatusBadRequest, "the event broke off")
		}
		return
	}
	e, err := ParseEvent(body)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, err.Error())
		return
	}
	providers.Named(r.Context(), providers.Label{Method: e.Type})
	key, ok := c.subs.match(r, e.Subscription)
	if !ok {
		refuse(w, r, http.StatusForbidden, "nobody here has a subscription of this id")
		return
	}
	if !c.deliver(key, e) {
		refuse(w, r, http.StatusServiceUnavailable, "too many events wait, or the client stops")
		return
	}
	w.WriteHeader(http.StatusOK)
}

func refuse(w http.ResponseWriter, r *http.Request, code int, why string) {
	providers.Named(r.Context(), providers.Label{Fault: why})
	http.Error(w, why, code)
}

// deliver gives an event to whoever it is for; false: there are too many.
func (c *Client) deliver(key string, e Event) bool {
	if e.Type == eventTerminated {
		c.subs.terminated(key, e.Subscription)
		return true
	}
	employee := c.people.byID(key)
	if employee == nil && e.User != "" && !isGroup(e.User) && !c.people.knows(e.User) {
		c.subs.strange()
	}
	return c.desk.post(func() { c.desk.event(e, employee) })
}

// match finds the target of a subscription: the present one, or one that it replaced
// and that still tells.
func (s *subscriptions) match(r *http.Request, id string) (key string, ok bool) {
	key, flying, ok := s.lookUp(id)
	if ok || flying == nil {
		return key, ok
	}
	late := make(chan struct{})
	t := s.c.clock.AfterFunc(flyWait, func() { close(late) })
	defer t.Stop()
	select {
	case <-flying:
	case <-late:
	case <-r.Context().Done():
	}
	key, _, ok = s.lookUp(id)
	return key, ok
}

func (s *subscriptions) lookUp(id string) (key string, flying chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, k := range s.kept {
		if k.ID == id {
			return key, nil, true
		}
		for _, old := range k.Old {
			if old == id {
				return key, nil, true
			}
		}
	}
	return "", s.flying, false
}

// terminated notes that the provider ended a subscription; the next look orders it
// anew. That an old one ended is as it should be.
func (s *subscriptions) terminated(key, id string) {
	s.mu.Lock()
	st, current := s.of(key), s.kept[key].ID == id
	if current {
		st.lost, st.state, st.words = true, calls.SubscriptionLost, "the provider ended it; it is ordered anew"
	}
	s.mu.Unlock()
	if current {
		s.c.log.Warn("the provider ended a subscription", "target", key)
		s.kick()
	}
}

// strange notes that the list of subscribers is to be read again.
func (s *subscriptions) strange() {
	s.mu.Lock()
	s.stale = true
	s.mu.Unlock()
}
