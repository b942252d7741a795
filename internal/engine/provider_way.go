package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// way is what becomes of a call that a provider places.
type way int

const (
	bySIP  way = iota // its INVITE comes to us, and we play
	played            // the provider plays to the client
	joined            // the provider joins the client and an employee
)

// wayOf says what becomes of a call with this flow.
func (p Provider) wayOf(flow calls.Flow) way {
	switch {
	case flow.Bridge != nil && p.Joins:
		return joined
	case flow.Bridge == nil && flow.Dictate == nil && p.Plays:
		return played
	}
	return bySIP
}

// lanePrefix begins the name of what stands in for a trunk where no call comes to us.
const lanePrefix = "provider:"

// ProviderLane is the trunk that calls name which a provider carries without us. The
// queue and the limits know it like a trunk; only calls that name it may use it.
func ProviderLane(provider string) string { return lanePrefix + provider }

// lane is the trunk by which the gates count a call with this flow.
func (p Provider) lane(flow calls.Flow) string {
	if p.wayOf(flow) == bySIP {
		return p.Trunk
	}
	return ProviderLane(p.Name)
}

// carries reports whether the provider is there for the calls of an account.
func (p Provider) carries(account string) bool { return p.Account == "" || p.Account == account }

// takes refuses a flow that the provider cannot do, in words for the asker.
func (p Provider) takes(flow calls.Flow) error {
	fail := func(format string, args ...any) error {
		return calls.Errorf(calls.CodeInvalidField, format, args...).At("body.provider", p.Name)
	}
	b := flow.Bridge
	if b != nil && p.wayOf(flow) != joined {
		if _, his := subscriberOf(b.Manager, p.Name); his {
			return fail("provider %q does not join its subscribers with others", p.Name)
		}
	}
	switch way := p.wayOf(flow); {
	case way == joined && b.Order == calls.ClientFirst && !p.ClientFirst:
		return fail("provider %q rings the manager first; ask for order manager_first", p.Name)
	case way == joined && b.Anonymous:
		return fail("provider %q shows the parties their numbers; leave anonymous out", p.Name)
	case way != bySIP:
		return nil
	case p.Trunk == "" && b != nil:
		return fail("provider %q cannot join two parties", p.Name)
	case p.Trunk == "" && p.Plays:
		return fail("provider %q plays by itself: what is said in such a call does not come to us", p.Name)
	case p.Trunk == "":
		return fail("provider %q only joins two parties; ask by POST /v1/bridges", p.Name)
	case b != nil && b.Order == calls.ManagerFirst:
		return fail("provider %q brings the client to us first; ask for order client_first", p.Name)
	}
	return nil
}

// chooseProvider checks the provider of a call and names its trunk or lane.
func (e *Engine) chooseProvider(c *calls.Call) error {
	p, ok := e.providers[c.Provider]
	if !ok || !p.carries(c.Account) || p.Trunk != "" && !e.hasTrunk(c.Account, p.Trunk) {
		return calls.Errorf(calls.CodeInvalidField, "there is no provider %q in the configuration", c.Provider).At("body.provider", c.Provider)
	}
	if err := p.takes(c.Flow); err != nil {
		return err
	}
	lane := p.lane(c.Flow)
	if c.Trunk != "" && c.Trunk != lane {
		if lane != p.Trunk {
			return calls.Errorf(calls.CodeInvalidField, "provider %q carries the call by itself; leave trunk out", c.Provider).At("body.trunk", c.Trunk)
		}
		return calls.Errorf(calls.CodeInvalidField, "the calls of provider %q come by trunk %q; leave trunk out", c.Provider, p.Trunk).At("body.trunk", c.Trunk)
	}
	c.Trunk = lane
	return nil
}

// subscriberOf is the user part of a target that only the provider knows:
// SUBSCRIBER@PROVIDER.
func subscriberOf(value, provider string) (string, bool) {
	user, at, ok := strings.Cut(value, "@")
	return user, ok && provider != "" && at == provider && user != "" && len(user) <= 64 && calls.Printable(user)
}

// shows takes a caller number that the call's provider may show; false: it has not.
func (e *Engine) shows(c *calls.Call, number string) bool {
	p, ok := e.providers[c.Provider]
	if !ok || !slices.Contains(p.Numbers, number) {
		return false
	}
	c.From, c.Line = number, number
	return true
}

// reportTimeout bounds the wait for the next report of the call.
func (s *session) reportTimeout(p Provider) time.Duration {
	return cmp.Or(p.ReportTimeout, s.maxDuration()+10*time.Minute)
}

// placeRequest is what the provider is asked, but for the employee.
func (s *session) placeRequest(p Provider) calls.PlaceRequest {
	c := s.call
	r := calls.PlaceRequest{Account: c.Account, CallID: c.ID, Attempt: s.customer.attempt.ID, To: c.To, From: c.From, Ref: c.Ref,
		Flow: c.Flow, Variables: c.Variables, Metadata: c.Metadata, RingTimeout: s.ringTimeout(), MaxDuration: s.maxDuration(), NotAfter: c.NotAfter}
	if p.wayOf(c.Flow) == bySIP {
		r.Extension = p.Extension
	}
	return r
}

// employeeFor finds in whose name a request is, or who is to be joined; nil: nobody
// is named. It reads the store.
func (e *Engine) employeeFor(ctx context.Context, r calls.PlaceRequest, provider, inNameOf string) (found *calls.Employee, err error) {
	name := inNameOf
	if b := r.Flow.Bridge; b != nil {
		if user, ok := subscriberOf(b.Manager, provider); ok {
			return &calls.Employee{Account: r.Account, Provider: provider, Subscriber: user, Extension: digitsOnly(user)}, nil
		}
		if his, ok := strings.CutPrefix(b.Manager, employeePrefix); ok {
			name = his
		} else if user, _, ok := strings.Cut(b.Manager, "@"); ok {
			name = user // whose telephone that extension is, if it is anybody's
		}
	}
	if name == "" {
		return nil, nil
	}
	err = e.store.View(ctx, func(tx calls.ReadTx) (err error) {
		found, err = employeeOf(tx, r.Account, name)
		return err
	})
	if errors.Is(err, calls.ErrNotFound) && r.Flow.Bridge != nil && !isPeople(r.Flow.Bridge.Manager) {
		return nil, nil
	}
	return found, err
}
