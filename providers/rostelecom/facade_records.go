package rostelecom

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// recordPath is where records are downloaded, as the API has it: an id and a number.
const recordPath = "records_new_scheme/record/download/"

// maxLinks bounds the links that are good at a time.
const maxLinks = 10_000

// links are temporary addresses of records: each opens once, from one address. They
// are kept in memory only, for they live for minutes.
type links struct {
	clock clock.Clock
	life  time.Duration

	mu sync.Mutex
	of map[string]recordLink
}

type recordLink struct {
	account, call string
	actor         string // who asked for it
	ip            netip.Addr
	until         time.Time
}

func newLinks(c clock.Clock, life time.Duration) *links {
	return &links{clock: c, life: life, of: map[string]recordLink{}}
}

// add makes a link that opens from ip.
func (l *links) add(account, call, actor string, ip netip.Addr) string {
	id := rand.Text()
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for old, x := range l.of {
		if !now.Before(x.until) || len(l.of) >= maxLinks {
			delete(l.of, old)
		}
	}
	l.of[id] = recordLink{account, call, actor, ip, now.Add(l.life)}
	return id
}

// open uses a link up. Who asks from another address does not.
func (l *links) open(id string, from netip.Addr) (x recordLink, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, ok := l.of[id]
	switch {
	case !ok || !l.clock.Now().Before(x.until):
		delete(l.of, id)
		return x, http.StatusNotFound
	case x.ip != from:
		return x, http.StatusForbidden
	}
	delete(l.of, id)
	return x, http.StatusOK
}

// getRecord answers with a link to the sound of a talk, good once, from the address
// that asks or the one it names.
func (f *facade) getRecord(a *asked) {
	var q struct {
		IPAddress text `json:"ip_adress"` // as the API spells it
	}
	c, ok := f.call(a)
	if !ok {
		return
	}
	_ = json.Unmarshal(a.body, &q) // call has read it
	from := remote(a.r)
	if q.IPAddress != "" {
		ip, err := netip.ParseAddr(string(q.IPAddress))
		if err != nil {
			f.fail(a, resultBad, "ip_adress is not an address")
			return
		}
		from = ip.Unmap()
	}
	if _, err := f.house.Captures.Path(c.Account, c.ID); err != nil {
		f.fail(a, resultMissing, "the record is not there, or not there yet")
		return
	}
	f.write(a.w, 200, struct {
		reply
		URL string `json:"url"`
	}{f.result(resultOK, messageOK), f.link(recordPath + f.links.add(c.Account, c.ID, "facade key "+a.key.Name, from) + "/1")})
}

// remote is the address of who asks.
func remote(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, _ := netip.ParseAddr(host)
	return ip.Unmap()
}

// download sends the record that a link opens.
func (f *facade) download(w http.ResponseWriter, r *http.Request, rest string) {
	providers.Named(r.Context(), providers.Label{Method: "record", Secrets: []string{rest}})
	if r.Method != http.MethodGet { // a HEAD would use the link up
		w.Header().Set("Allow", http.MethodGet)
		page(w, http.StatusMethodNotAllowed, "405 Not Allowed")
		return
	}
	id, _, _ := strings.Cut(rest, "/")
	x, status := f.links.open(id, remote(r))
	if status != http.StatusOK {
		page(w, status, http.StatusText(status))
		return
	}
	providers.Named(r.Context(), providers.Label{Account: x.account, Correlation: x.call})
	file, err := f.openCapture(r.Context(), x)
	if err != nil {
		page(w, http.StatusNotFound, "404 Not Found")
		return
	}
	defer func() { _ = file.Close() }()
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Content-Disposition", `attachment; filename="`+sessionOf(x.call)+`.wav"`)
	providers.GiveTime(w)
	http.ServeContent(w, r, "", time.Time{}, file)
}

// openCapture opens the sound of a call and notes who listens: nobody does without a
// trace.
func (f *facade) openCapture(ctx context.Context, x recordLink) (*os.File, error) {
	path, err := f.house.Captures.Path(x.account, x.call)
	if err != nil {
		return nil, calls.ErrNotFound
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = f.house.Store.Update(ctx, func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: x.account, Actor: x.actor, Action: "call.listen", Object: x.call, At: f.house.Clock.Now()})
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
