package registrar

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// memory is a store.
type memory struct {
	m    map[string][]calls.SIPBinding
	fail error
}

func (m *memory) Save(_ context.Context, user string, list []calls.SIPBinding) error {
	if m.fail == nil {
		m.m[user] = list
	}
	return m.fail
}

func (m *memory) Load(context.Context) (all []calls.SIPBinding, err error) {
	for _, list := range m.m {
		all = append(all, list...)
	}
	return all, m.fail
}

type bench struct {
	*Registrar
	t     *testing.T
	clock *clock.Fake
	store *memory
	nc    int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewFake(noon), store: &memory{m: map[string][]calls.SIPBinding{}}}
	b.Registrar = New(b.config())
	return b
}

func (b *bench) config() Config {
	return Config{Realm: "zvonar", Clock: b.clock, Store: b.store, From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, MaxContacts: 2,
		Users: func(_ context.Context, name string) (User, bool, error) {
			if name == "broken" {
				return User{}, false, errors.New("no store")
			}
			return User{Name: name, Account: "main", HA1: HashOf(name, "zvonar", "secret")}, name == "alice" || name == "bob", nil
		}}
}

// answer makes the Authorization for a challenge of now.
func (b *bench) answer(user, password, nonce, algorithm string) string {
	b.nc++
	h := HashOf(user, "zvonar", password)
	c := Credentials{Username: user, Nonce: nonce, URI: "sip:zvonar.test", Algorithm: algorithm, QOP: "auth", CNonce: "c", NC: fmt.Sprintf("%08x", b.nc)}
	hash, ha1 := md5Hex, h.MD5
	if algorithm == "SHA-256" {
		hash, ha1 = sha256Hex, h.SHA256
	}
	response := hash(ha1 + ":" + nonce + ":" + c.NC + ":c:auth:" + hash("REGISTER:sip:zvonar.test"))
	return fmt.Sprintf(`Digest username="%s", realm="zvonar", nonce="%s", uri="sip:zvonar.test", response="%s", algorithm=%s, cnonce="c", qop=auth, nc=%s`,
		user, nonce, response, algorithm, c.NC)
}

var home = netip.MustParseAddr("192.0.2.7")

func (b *bench) check(value string, from netip.Addr) Verdict {
	_, v, _ := b.Check(b.t.Context(), []string{value}, "REGISTER", "sip:zvonar.test", from)
	return v
}

func TestAPasswordIsProven(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nonce := b.nonces.make(noon)
	for _, tc := range []struct {
		name, value string
		want        Verdict
	}{
		{"MD5", b.answer("alice", "secret", nonce, "MD5"), Granted},
		{"SHA-256", b.answer("alice", "secret", nonce, "SHA-256"), Granted},
		{"another algorithm", b.answer("alice", "secret", nonce, "SHA-512-256"), Refused},
		{"a wrong password", b.answer("alice", "guess", nonce, "MD5"), Refused},
		{"nobody of that name", b.answer("carol", "secret", nonce, "MD5"), Refused},
		{"a nonce of somebody else", b.answer("alice", "secret", "abc", "MD5"), Stale},
		{"no store", b.answer("broken", "secret", nonce, "MD5"), Failed},
		{"nothing", "", Ask},
		{"another realm", `Digest username="a", realm="x", nonce="n", uri="u", response="r"`, Ask},
	} {
		if got := b.check(tc.value, home); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	again := b.answer("alice", "secret", nonce, "MD5")
	if b.check(again, home) != Granted || b.check(again, home) != Stale {
		t.Error("what was overheard can be repeated")
	}
	b.clock.Advance(NonceLife + time.Second)
	if got := b.check(b.answer("alice", "secret", nonce, "MD5"), home); got != Stale {
		t.Errorf("an old nonce: %d", got)
	}
}

func TestGuessingCosts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nonce := b.nonces.make(noon)
	guesser := netip.MustParseAddr("192.0.2.66")
	for i := range maxWrongSource {
		if !b.Hears(guesser) {
			t.Fatalf("not heard after %d guesses", i)
		}
		b.check(b.answer("alice", fmt.Sprint(i), nonce, "MD5"), guesser)
	}
	if b.Hears(guesser) || !b.Hears(home) {
		t.Error("a guesser is heard, or his neighbour is not")
	}
	b.clock.Advance(banned)
	if !b.Hears(guesser) {
		t.Error("a ban has no end")
	}
	if b.Hears(netip.MustParseAddr("198.51.100.1")) {
		t.Error("a network that nobody named is heard")
	}
}

func TestAUserIsClosedToStrangersWhoGuessFromManyAddresses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nonce := b.nonces.make(noon)
	if b.check(b.answer("alice", "secret", nonce, "MD5"), home) != Granted {
		t.Fatal("not granted")
	}
	for i := range maxWrongUser {
		b.check(b.answer("alice", "guess", nonce, "MD5"), netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}))
	}
	if got := b.check(b.answer("alice", "secret", nonce, "MD5"), netip.MustParseAddr("192.0.2.99")); got != Refused {
		t.Errorf("from a new address: %d", got)
	}
	if got := b.check(b.answer("alice", "secret", nonce, "MD5"), home); got != Granted {
		t.Errorf("from where he always is: %d", got)
	}
}

func (b *bench) register(callID string, seq uint32, from string, wishes ...Wish) error {
	_, err := b.Register(b.t.Context(), Request{User: User{Name: "alice", Account: "main"}, Wishes: wishes, Received: netip.MustParseAddrPort(from),
		Transport: "udp", CallID: callID, CSeq: seq})
	return err
}

func TestContactsOfAUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := errors.Join(b.register("a", 1, "192.0.2.1:5060", Wish{"sip:alice@10.0.0.1", time.Hour, 0.5}),
		b.register("b", 1, "192.0.2.2:5060", Wish{"sip:alice@10.0.0.2", 10 * time.Minute, 1})); err != nil {
		t.Fatal(err)
	}
	list := b.Contacts("alice")
	if len(list) != 2 || list[0].Contact != "sip:alice@10.0.0.2" {
		t.Errorf("contacts %+v", list)
	}
	for name, tc := range map[string]struct {
		err  error
		want error
	}{
		"too brief":    {b.register("c", 1, "192.0.2.3:5060", Wish{"sip:x@10.0.0.3", time.Second, 1}), ErrBrief},
		"too many":     {b.register("c", 1, "192.0.2.3:5060", Wish{"sip:x@10.0.0.3", time.Hour, 1}), ErrMany},
		"out of order": {b.register("b", 1, "192.0.2.2:5060", Wish{"sip:alice@10.0.0.2", time.Hour, 1}), ErrOld},
		"a refresh":    {b.register("b", 2, "192.0.2.2:5062", Wish{"sip:alice@10.0.0.2", 48 * time.Hour, 1}), nil},
		"taking back":  {b.register("a", 2, "192.0.2.1:5060", Wish{"sip:alice@10.0.0.1", 0, 1}), nil},
		"what is gone": {b.register("a", 3, "192.0.2.1:5060", Wish{"sip:alice@10.0.0.9", 0, 1}), nil},
		"only a look":  {b.register("z", 1, "192.0.2.1:5060"), nil},
		"the disk fails": {func() error {
			b.store.fail = errors.New("disk")
			defer func() { b.store.fail = nil }()
			return b.register("d", 1, "192.0.2.9:5060", Wish{"sip:alice@10.0.0.8", time.Hour, 1})
		}(), errors.New("disk")},
	} {
		if (tc.err == nil) != (tc.want == nil) || tc.want != nil && tc.err.Error() != tc.want.Error() {
			t.Errorf("%s: %v, want %v", name, tc.err, tc.want)
		}
	}
	list = b.Contacts("alice")
	if len(list) != 1 || list[0].Received != "192.0.2.2:5062" || list[0].ExpiresAt.Sub(noon) != time.Hour {
		t.Errorf("contacts %+v", list)
	}
	if user, ok := b.At(netip.MustParseAddrPort("192.0.2.2:5062")); !ok || user != "alice" {
		t.Error("the source of a contact is not known")
	}
	if _, ok := b.At(netip.MustParseAddrPort("192.0.2.2:5060")); ok {
		t.Error("a source that was left is known")
	}
}

func TestContactsSurviveTheProcessAndRunOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.register("a", 1, "192.0.2.1:5060", Wish{"sip:alice@10.0.0.1", 2 * time.Minute, 1}); err != nil {
		t.Fatal(err)
	}
	next := New(b.config())
	if err := next.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := next.Contacts("alice"); len(list) != 1 {
		t.Fatalf("after the restart: %+v", list)
	}
	b.clock.Advance(2 * time.Minute)
	if list := next.Contacts("alice"); len(list) != 0 {
		t.Errorf("after it ran out: %+v", list)
	}
	if _, ok := next.At(netip.MustParseAddrPort("192.0.2.1:5060")); ok {
		t.Error("its source is known")
	}
	gone, err := next.Sweep(t.Context())
	if err != nil || len(gone) != 1 || len(b.store.m["alice"]) != 0 {
		t.Errorf("swept %v, %v; the store has %v", gone, err, b.store.m)
	}
}

func TestEverythingIsTakenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_ = b.register("a", 1, "192.0.2.1:5060", Wish{"sip:alice@10.0.0.1", time.Hour, 1})
	if _, err := b.Register(t.Context(), Request{User: User{Name: "alice"}, All: true, CallID: "a", CSeq: 2}); err != nil {
		t.Fatal(err)
	}
	if list := b.Contacts("alice"); len(list) != 0 {
		t.Errorf("left %+v", list)
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add(`Digest username="a", realm="r", nonce="n", uri="sip:x", response="0", qop=auth, nc=00000001, cnonce="c\"d"`)
	f.Add(`digest username=a,realm=r`)
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := ParseCredentials(s)
		if ok && (c.Username == "" || c.Nonce == "" || len(c.Username) > len(s)) {
			t.Errorf("%q reads as %+v", s, c)
		}
	})
}
