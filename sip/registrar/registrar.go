package registrar

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// User is who may register or call with a password.
type User struct {
	Name    string
	Account string
	HA1     HA1
}

// Config of a registrar.
type Config struct {
	Realm string
	// Users finds a user; ok is false where there is none of that name.
	Users func(ctx context.Context, name string) (u User, ok bool, err error)
	Store Store // nil: contacts are forgotten at the end of the process
	// From are the networks whose requests are answered by asking for a password;
	// none: nobody but trunks is heard.
	From        []netip.Prefix
	Least, Most time.Duration // of a registration; 0: 60 s, 1 h
	MaxContacts int           // of one user; 0: 10
	Clock       clock.Clock
}

// Store keeps contacts over the end of the process.
type Store interface {
	// Save replaces all contacts of a user.
	Save(ctx context.Context, user string, list []calls.SIPBinding) error
	// Load gives those of before.
	Load(ctx context.Context) ([]calls.SIPBinding, error)
}

// Registrar is safe for concurrent use.
type Registrar struct {
	cfg    Config
	nonces *nonces
	limits *limits

	mu     sync.Mutex
	byUser map[string][]calls.SIPBinding
	byAddr map[netip.AddrPort]string // who is there
	saving map[string]*sync.Mutex    // one change of a user at a time
}

// New makes a registrar.
func New(c Config) *Registrar {
	if c.Least == 0 {
		c.Least = time.Minute
	}
	if c.Most == 0 {
		c.Most = time.Hour
	}
	if c.MaxContacts == 0 {
		c.MaxContacts = 10
	}
	return &Registrar{cfg: c, nonces: newNonces(), limits: newLimits(), byUser: map[string][]calls.SIPBinding{},
		byAddr: map[netip.AddrPort]string{}, saving: map[string]*sync.Mutex{}}
}

// Restore takes the contacts of before up that have not run out.
func (r *Registrar) Restore(ctx context.Context) error {
	if r.cfg.Store == nil {
		return nil
	}
	list, err := r.cfg.Store.Load(ctx)
	if err != nil {
		return err
	}
	users := map[string][]calls.SIPBinding{}
	for _, b := range list {
		users[b.User] = append(users[b.User], b)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Clock.Now()
	for user, list := range users {
		r.put(user, slices.DeleteFunc(list, func(b calls.SIPBinding) bool { return !now.Before(b.ExpiresAt) }))
	}
	return nil
}

// Hears reports whether requests from there are answered by asking for a password.
func (r *Registrar) Hears(from netip.Addr) bool {
	from = from.Unmap()
	return slices.ContainsFunc(r.cfg.From, func(p netip.Prefix) bool { return p.Contains(from) }) &&
		!r.limits.barred(from, r.cfg.Clock.Now())
}

// Challenges are the values of WWW-Authenticate for a 401. MD5 alone is asked for:
// telephones that do not know SHA-256 give up where it is offered beside it (libre
// in baresip 1.0). Answers by SHA-256 are taken all the same.
func (r *Registrar) Challenges(stale bool) []string {
	tail := `realm="` + r.cfg.Realm + `", nonce="` + r.nonces.make(r.cfg.Clock.Now()) + `", qop="auth"`
	if stale {
		tail += ", stale=true"
	}
	return []string{"Digest " + tail + ", algorithm=MD5"}
}

// Verdict is what a password proves.
type Verdict int

// The verdicts.
const (
	Refused Verdict = iota // wrong, or too often wrong
	Ask                    // no credentials of ours: challenge
	Stale                  // right or wrong, the nonce is too old: challenge with stale=true
	Granted
	Failed // nobody can say just now
)

// Check judges the credentials of a request; values are those of its
// Authorization headers. bans is true where its source is not heard any more.
func (r *Registrar) Check(ctx context.Context, values []string, method, uri string, from netip.Addr) (u User, v Verdict, bans bool) {
	now := r.cfg.Clock.Now()
	c, ok := r.pick(values)
	if !ok {
		return u, Ask, false
	}
	ours, stale := r.nonces.ours(c.Nonce, now)
	switch {
	case !ours:
		return u, Stale, false // of a former process, or made up
	case stale:
		return u, Stale, false
	case r.limits.closed(c.Username, from, now):
		return u, Refused, false
	}
	u, known, err := r.cfg.Users(ctx, c.Username)
	if err != nil {
		return User{}, Failed, false
	}
	if !known { // costs as much as a wrong password, and says as little
		u.HA1 = HashOf(c.Username, r.cfg.Realm, c.Nonce)
	}
	if !c.fits(u.HA1, method) || !known || !sameURI(c.URI, uri) {
		return User{}, Refused, r.limits.wrong(c.Username, from, now)
	}
	if !r.nonces.count(c.Nonce, c.NC, now) {
		return User{}, Stale, false
	}
	r.limits.right(c.Username, from, now)
	return u, Granted, false
}

// pick finds the credentials for our realm.
func (r *Registrar) pick(values []string) (Credentials, bool) {
	for _, v := range values {
		if c, ok := ParseCredentials(v); ok && c.Realm == r.cfg.Realm {
			return c, true
		}
	}
	return Credentials{}, false
}

// sameURI compares the URI of the digest with the Request-URI, without what
// proxies change: parameters, and a port that is the usual one.
func sameURI(a, b string) bool {
	cut := func(s string) string {
		s, _, _ = strings.Cut(strings.ToLower(s), ";")
		return strings.TrimSuffix(s, ":5060")
	}
	return cut(a) == cut(b)
}

// Wish is what a REGISTER asks for one contact.
type Wish struct {
	Contact string // the URI
	Expires time.Duration
	Q       float64
}

// Request is a REGISTER whose password was right.
type Request struct {
	User      User
	Wishes    []Wish
	All       bool // Contact: *
	Received  netip.AddrPort
	Transport string // "udp", "tcp", "tls"
	Path      []string
	CallID    string
	CSeq      uint32
	Agent     string
}

// The errors of Register.
var (
	ErrBrief = errors.New("the registration is shorter than we allow")         // 423
	ErrMany  = errors.New("the user has as many contacts as he may")           // 403
	ErrOld   = errors.New("a later REGISTER of the same telephone came first") // 500
)

// Least is the shortest registration.
func (r *Registrar) Least() time.Duration { return r.cfg.Least }

// Register does what a REGISTER asks for, all of it or nothing, and gives the
// contacts of the user afterwards. It returns once they are stored.
func (r *Registrar) Register(ctx context.Context, q Request) ([]calls.SIPBinding, error) {
	defer r.lock(q.User.Name)()
	now := r.cfg.Clock.Now()
	before := r.Contacts(q.User.Name)
	list, err := r.apply(before, q, now)
	if err != nil || len(q.Wishes) == 0 && !q.All {
		return list, err
	}
	if r.cfg.Store != nil {
		if err := r.cfg.Store.Save(ctx, q.User.Name, list); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(q.User.Name, list)
	return list, nil
}

// lock has the changes of a user happen one after another.
func (r *Registrar) lock(user string) (unlock func()) {
	r.mu.Lock()
	m := r.saving[user]
	if m == nil {
		m = &sync.Mutex{}
		r.saving[user] = m
	}
	r.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// apply makes the list of a user's contacts after a REGISTER (RFC 3261 10.3).
func (r *Registrar) apply(before []calls.SIPBinding, q Request, now time.Time) ([]calls.SIPBinding, error) {
	list := slices.Clone(before)
	if q.All {
		return nil, nil
	}
	for _, w := range q.Wishes {
		i := slices.IndexFunc(list, func(b calls.SIPBinding) bool { return strings.EqualFold(b.Contact, w.Contact) })
		if i >= 0 && list[i].CallID == q.CallID && q.CSeq <= list[i].CSeq {
			return nil, ErrOld
		}
		if w.Expires <= 0 {
			if i >= 0 {
				list = slices.Delete(list, i, i+1)
			}
			continue
		}
		if w.Expires < r.cfg.Least {
			return nil, ErrBrief
		}
		b := calls.SIPBinding{User: q.User.Name, Account: q.User.Account, Contact: w.Contact, Received: q.Received.String(), Transport: q.Transport,
			Path: q.Path, CallID: q.CallID, CSeq: q.CSeq, Q: w.Q, Agent: q.Agent, RegisteredAt: now.UTC(), ExpiresAt: now.Add(min(w.Expires, r.cfg.Most)).UTC()}
		switch {
		case i >= 0:
			b.RegisteredAt = list[i].RegisteredAt
			list[i] = b
		default:
			// A telephone that lost its memory registers anew from where it was.
			list = slices.DeleteFunc(list, func(k calls.SIPBinding) bool {
				return k.Received == b.Received && k.CallID != b.CallID && sameUser(k.Contact, b.Contact)
			})
			if len(list) >= r.cfg.MaxContacts {
				return nil, ErrMany
			}
			list = append(list, b)
		}
	}
	return list, nil
}

func sameUser(a, b string) bool {
	ua, _, _ := strings.Cut(a, "@")
	ub, _, _ := strings.Cut(b, "@")
	return ua == ub
}

// put replaces the contacts of a user; r.mu is held.
func (r *Registrar) put(user string, list []calls.SIPBinding) {
	for _, b := range r.byUser[user] {
		if at, err := netip.ParseAddrPort(b.Received); err == nil && r.byAddr[at] == user {
			delete(r.byAddr, at)
		}
	}
	delete(r.byUser, user)
	if len(list) == 0 {
		return
	}
	r.byUser[user] = slices.Clone(list)
	for _, b := range list {
		if at, err := netip.ParseAddrPort(b.Received); err == nil {
			r.byAddr[at] = user
		}
	}
}

// Contacts are where a user is now, the best first.
func (r *Registrar) Contacts(user string) []calls.SIPBinding {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Clock.Now()
	list := slices.DeleteFunc(slices.Clone(r.byUser[user]), func(b calls.SIPBinding) bool { return !now.Before(b.ExpiresAt) })
	slices.SortStableFunc(list, func(a, b calls.SIPBinding) int {
		switch {
		case a.Q != b.Q && a.Q > b.Q:
			return -1
		case a.Q != b.Q:
			return 1
		}
		return b.RegisteredAt.Compare(a.RegisteredAt)
	})
	return list
}

// At is who has registered from there.
func (r *Registrar) At(from netip.AddrPort) (user string, ok bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	r.mu.Lock()
	defer r.mu.Unlock()
	user, ok = r.byAddr[from]
	if !ok {
		return "", false
	}
	now := r.cfg.Clock.Now()
	for _, b := range r.byUser[user] {
		if b.Received == from.String() && now.Before(b.ExpiresAt) {
			return user, true
		}
	}
	return "", false
}

// Users are all who have contacts.
func (r *Registrar) Users() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, 0, len(r.byUser))
	for u := range r.byUser {
		list = append(list, u)
	}
	slices.Sort(list)
	return list
}

// Sweep forgets the contacts that have run out, here and in the store, and gives
// the users whose contacts changed.
func (r *Registrar) Sweep(ctx context.Context) (gone []string, err error) {
	for _, user := range r.Users() {
		unlock := r.lock(user)
		list := r.Contacts(user)
		r.mu.Lock()
		all := len(r.byUser[user])
		r.mu.Unlock()
		if len(list) != all {
			if r.cfg.Store != nil {
				err = errors.Join(err, r.cfg.Store.Save(ctx, user, list))
			}
			if err == nil {
				r.mu.Lock()
				r.put(user, list)
				r.mu.Unlock()
				gone = append(gone, user)
			}
		}
		unlock()
	}
	return gone, err
}
