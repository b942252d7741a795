package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// crm is a server as CRMs are: access tokens that end, refresh tokens good for
// one use, a note for each call that is made once and then added to.
type crm struct {
	t *testing.T

	mu       sync.Mutex
	access   string
	left     int // requests the access token is still good for
	refresh  string
	turns    int
	reused   int
	revoked  bool
	refusing func()            // runs before a refresh is refused; mu is held
	notes    map[string]string // by note id: the call
	made     map[string]int    // by call: notes made
	lines    map[string][]int64
	requests int
}

func newCRM(t *testing.T) (*crm, string) {
	c := &crm{t: t, refresh: "r0", notes: map[string]string{}, made: map[string]int{}, lines: map[string][]int64{}}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	return c, srv.URL
}

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/token" {
		if string(body) != c.refresh || c.revoked {
			if c.refusing != nil {
				c.refusing()
			}
			c.reused++
			http.Error(w, "invalid_grant", http.StatusBadRequest)
			return
		}
		c.turns++
		c.access, c.refresh, c.left = fmt.Sprint("a", c.turns), fmt.Sprint("r", c.turns), 25
		fmt.Fprintf(w, `{"access":%q,"refresh":%q}`, c.access, c.refresh)
		return
	}
	c.requests++
	if r.Header.Get("Authorization") != "Bearer "+c.access || c.left == 0 || c.revoked {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c.left--
	var line struct {
		Call string
		Seq  int64
	}
	if err := json.Unmarshal(body, &line); err != nil {
		c.t.Errorf("body %q: %v", body, err)
	}
	id := strings.TrimPrefix(r.URL.Path, "/notes/")
	if r.URL.Path == "/notes" {
		id = fmt.Sprint("n", len(c.notes))
		c.notes[id] = line.Call
		c.made[line.Call]++
	}
	if c.notes[id] != line.Call {
		c.t.Errorf("a line of %s for note %s of %q", line.Call, id, c.notes[id])
	}
	c.lines[line.Call] = append(c.lines[line.Call], line.Seq)
	fmt.Fprint(w, id)
}

// notes is the sink for it.
type notes struct{}

func (notes) Kind() string { return "notes" }

func (notes) Rate(*calls.Webhook) Rate { return Rate{Parallel: 3} }

func (notes) Map(it Item) (Message, error) {
	if it.Event.Type == calls.CallRinging {
		return Message{}, ErrNotWanted
	}
	body, err := json.Marshal(map[string]any{"Call": it.Event.CallID, "Seq": it.Event.Seq})
	m := Message{URL: it.To.URL + "/notes", Body: body}
	if it.State != "" {
		m.URL += "/" + it.State
	}
	return m, err
}

func (notes) Send(ctx context.Context, x Exchange) Answer {
	var c struct{ Access string }
	if err := json.Unmarshal([]byte(x.Credential.Doc), &c); err != nil {
		return Answer{Then: AuthFailed, Error: "the credential cannot be read"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.URL, strings.NewReader(string(x.Body)))
	if err != nil {
		return Answer{Error: err.Error()}
	}
	req.Header.Set("Authorization", "Bearer "+c.Access)
	res, err := x.Client.Do(req)
	if err != nil {
		return Answer{Fault: Unreachable, Error: Words(err)}
	}
	defer func() { _ = res.Body.Close() }()
	a := judged(res.StatusCode)
	a.Text = ReadText(res.Body)
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		a.Then, a.Error = AuthFailed, "HTTP 401"
	case a.Then == Delivered && x.State == "":
		a.State = &a.Text
	}
	return a
}

func (notes) CredentialName(*calls.Webhook) string { return "crm" }

func (notes) Refresh(ctx context.Context, client *http.Client, w *calls.Webhook, c calls.Credential) (calls.Credential, error) {
	var doc struct{ Refresh string }
	if err := json.Unmarshal([]byte(c.Doc), &doc); err != nil {
		return c, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/token", strings.NewReader(doc.Refresh))
	if err != nil {
		return c, err
	}
	res, err := client.Do(req)
	if err != nil {
		return c, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusBadRequest {
		return c, fmt.Errorf("%w: %s", ErrRefused, Clean(body))
	}
	c.Doc = string(body)
	return c, err
}

func putCredential(t *testing.T, s calls.Store, at time.Time, doc string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		return tx.PutCredential(calls.Credential{Account: "main", Name: "crm", Doc: doc, UpdatedAt: at})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestASinkWithStateAndSingleUseRefreshTokensLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c, url := newCRM(t)
	addHook(t, s, calls.Webhook{ID: "crm", Kind: "notes", URL: url})
	putCredential(t, s, time.Now(), `{"access":"old","refresh":"r0"}`)
	start(t, s, Config{Sinks: []Sink{notes{}}})
	const n = 40
	types := []calls.EventType{calls.CallQueued, calls.CallRinging, calls.CallAnswered, calls.CallDigit, calls.CallCompleted}
	for i := range n {
		happen(t, s, fmt.Sprint("c", i), types...)
	}
	list := await(t, s, "crm", func(l []calls.Delivery) bool { return len(l) == n*len(types) && allDone(l) })
	for _, d := range list {
		if d.State != calls.DeliveryDelivered {
			t.Errorf("delivery %+v", d)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reused != 0 || c.turns < n*4/25 {
		t.Errorf("%d refresh tokens were used twice, %d turns", c.reused, c.turns)
	}
	for i := range n {
		id := fmt.Sprint("c", i)
		if c.made[id] != 1 || fmt.Sprint(c.lines[id]) != "[1 3 4 5]" {
			t.Errorf("call %s has %d notes with lines %v", id, c.made[id], c.lines[id])
		}
	}
	var kept *calls.Credential
	if err := s.View(t.Context(), func(r calls.ReadTx) (err error) { kept, err = r.Credential("main", "crm"); return err }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(kept.Doc, c.refresh) {
		t.Errorf("kept %s; the server goes by %s", kept.Doc, c.refresh)
	}
}

func TestARefusedCredentialPausesTheDestinationAndIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c, url := newCRM(t)
	c.revoked = true
	addHook(t, s, calls.Webhook{ID: "crm", Kind: "notes", URL: url})
	clk := clock.NewFake(time.Now())
	putCredential(t, s, clk.Now(), `{"access":"old","refresh":"r0"}`)
	start(t, s, Config{Sinks: []Sink{notes{}}, Clock: clk})
	for i := range 6 {
		happen(t, s, fmt.Sprint("c", i), calls.CallQueued, calls.CallCompleted)
	}
	told := func() (n int) {
		err := s.View(t.Context(), func(r calls.ReadTx) error {
			list, err := r.Events(calls.EventFilter{Types: []calls.EventType{calls.IntegrationAuth}})
			n = len(list)
			if n > 0 && list[0].Subject != "destination:crm" {
				t.Errorf("told about %s", list[0].Subject)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	await(t, s, "crm", func([]calls.Delivery) bool { return told() > 0 })
	clk.Advance(time.Hour)
	// What was under way is over: an attempt asks for one thing, and is counted then.
	await(t, s, "crm", func(l []calls.Delivery) bool {
		made := 0
		for _, d := range l {
			made += d.Attempts
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(l) >= 12 && made == c.requests
	})
	c.mu.Lock()
	before := c.requests
	c.revoked = false
	c.mu.Unlock()
	if before > 2*newcomers {
		t.Errorf("%d requests with a refused credential", before)
	}
	putCredential(t, s, clk.Now(), `{"access":"old","refresh":"r0"}`)
	// The 12, and the event that told of the outage.
	list := await(t, s, "crm", func(l []calls.Delivery) bool { return len(l) == 13 && allDone(l) })
	for _, d := range list {
		if d.State != calls.DeliveryDelivered {
			t.Errorf("delivery %+v", d)
		}
	}
	if n := told(); n != 1 {
		t.Errorf("told %d times; want once", n)
	}
	if err := s.View(t.Context(), func(r calls.ReadTx) error { _, err := r.Health("crm"); return err }); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("health afterwards: %v; want none", err)
	}
}

func TestACredentialThatComesWhileTheFormerIsBeingRefusedIsUsed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c, url := newCRM(t)
	addHook(t, s, calls.Webhook{ID: "crm", Kind: "notes", URL: url})
	clk := clock.NewFake(time.Now())
	putCredential(t, s, clk.Now(), `{"access":"old","refresh":"spent"}`)
	c.refusing = func() { // somebody brings another one just then
		c.refusing = nil
		clk.Advance(time.Second)
		putCredential(t, s, clk.Now(), `{"access":"old","refresh":"r0"}`)
	}
	start(t, s, Config{Sinks: []Sink{notes{}}, Clock: clk})
	happen(t, s, "c1", calls.CallQueued)
	for _, d := range await(t, s, "crm", func(l []calls.Delivery) bool { return len(l) > 0 && allDone(l) }) {
		if d.State != calls.DeliveryDelivered {
			t.Errorf("delivery %+v", d)
		}
	}
}

// refused is a sink whose credentials are never taken from it; before each refusal
// others may have used them.
type refused struct {
	notes
	others func(calls.Credential)
}

func (r refused) Send(_ context.Context, x Exchange) Answer {
	r.others(*x.Credential)
	return Answer{Then: AuthFailed}
}

func TestACredentialThatOthersUsedUpIsNoRefusedAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		used func(calls.Credential) bool
		want Then
	}{
		"nobody ever used it":        {func(calls.Credential) bool { return false }, AuthFailed},
		"only the former one worked": {func(c calls.Credential) bool { return strings.Contains(c.Doc, "old") }, AuthFailed},
		"others used it up":          {func(calls.Credential) bool { return true }, Retry},
	} {
		s := newStore(t)
		_, url := newCRM(t)
		putCredential(t, s, time.Now(), `{"access":"old","refresh":"r0"}`)
		o := &Outbox{cfg: Config{Clock: clock.System()}, vault: newVault(s, clock.System())}
		sink := refused{others: func(cred calls.Credential) {
			if c.used(cred) {
				o.vault.took(cred)
			}
		}}
		x := Exchange{Client: http.DefaultClient, Item: Item{To: &calls.Webhook{ID: "crm", Account: calls.MainAccount, Kind: "notes", URL: url}}}
		if a, _ := o.send(t.Context(), sink, x); a.Then != c.want {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestARateIsKept(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Unix(0, 0))
	b := newBucket(clk, Rate{PerSecond: 7, Burst: 3})
	at := time.Duration(0)
	for i := range 100 {
		wait := b.take()
		want := max(0, time.Duration(float64(i-2)/7*float64(time.Second))-at)
		if d := wait - want; d > time.Millisecond || d < -time.Millisecond {
			t.Fatalf("request %d waits %v; want %v", i, wait, want)
		}
		clk.Advance(wait)
		at += wait
	}
	clk.Advance(time.Hour)
	for range 3 {
		if wait := b.take(); wait != 0 {
			t.Errorf("after a silence a request waits %v", wait)
		}
	}
	if newBucket(clk, Rate{}).take() != 0 {
		t.Error("without a rate a request waits")
	}
}

// keySink tells with which key and secrets it was asked to speak.
type keySink struct{ told chan Exchange }

func (keySink) Kind() string              { return "keyed" }
func (keySink) Rate(*calls.Webhook) Rate  { return Rate{} }
func (keySink) Map(Item) (Message, error) { return Message{}, nil }
func (k keySink) Send(_ context.Context, x Exchange) Answer {
	k.told <- x
	return Answer{Then: Delivered}
}

func TestADestinationOfAKeySignsWithItsSecretsWhileItIsGood(t *testing.T) {
	s := newStore(t)
	sink := keySink{told: make(chan Exchange, 10)}
	now := time.Now()
	key := &calls.FacadeKey{ID: "key_1", Account: "main", Kind: "keyed", Public: "p", Secret: "new", OldSecret: "old", OldSecretUntil: now.Add(time.Hour), CreatedAt: now}
	happen := func(id string, change func(calls.Tx) error) {
		t.Helper()
		err := s.Update(t.Context(), func(tx calls.Tx) error {
			if err := change(tx); err != nil {
				return err
			}
			e := calls.NewEvent(id, now, "trunk:x", calls.TrunkUp, nil)
			e.Account = "main"
			return tx.AppendEvent(&e)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &calls.Webhook{ID: "w", Kind: "keyed", Account: "main", URL: "https://crm.example/", Key: key.ID, CreatedAt: now}
	happen("e0", func(tx calls.Tx) error { return errors.Join(tx.PutFacadeKey(key), tx.PutWebhook(w)) })
	o, err := New(Config{Store: s, Clock: clock.System(), IDs: clock.NewIDs(clock.System(), nil), Client: http.DefaultClient, Sinks: []Sink{sink}})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Stop(context.Background()) })
	if x := <-sink.told; x.Key == nil || x.Key.Public != "p" || strings.Join(x.Secrets, " ") != "new old" {
		t.Errorf("it speaks with %+v, %q", x.Key, x.Secrets)
	}
	happen("e1", func(tx calls.Tx) error {
		key.RevokedAt = &now
		return tx.PutFacadeKey(key)
	})
	if x := <-sink.told; x.Key != nil || len(x.Secrets) != 0 {
		t.Errorf("revoked: it speaks with %+v, %q", x.Key, x.Secrets)
	}
}
