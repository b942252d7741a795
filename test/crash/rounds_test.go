package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"zvonar/internal/failpoint"
)

const (
	hitWithin      = 6 * time.Second // then the daemon is killed from outside, and the point was not hit
	recoveryWithin = 2 * time.Second
)

// prepare brings the world up once, unarmed, with its clips.
func (w *world) prepare() {
	w.start("")
	w.up()
	w.clips = [2]int64{w.clip(), w.clip()}
	w.sipp("network", w.net+"2", 5070, w.record(), "-mp", "30000")
	w.sipp("caller", w.net+"3", 5080, nil, "-mp", "31000", "-r", "1", "-rp", "1500", "-l", "50", w.addr(1, 5060))
}

// record is how a callee presses 1: by RFC 4733 where SIPp may open a raw
// socket, else by INFO.
func (w *world) record() map[string]string {
	pcap := "/usr/share/sip-tester/dtmf_2833_1.pcap"
	if _, err := os.Stat(pcap); err == nil && os.Geteuid() == 0 {
		return map[string]string{"HOW": "RFC 4733", "RECORD": fmt.Sprintf(`<nop><action><exec play_pcap_audio="%s"/></action></nop>`, pcap)}
	}
	info, err := os.ReadFile(filepath.Join("sipp", "record.info"))
	if err != nil {
		w.t.Fatal(err)
	}
	return map[string]string{"HOW": "INFO", "RECORD": string(info)}
}

// rounds kills the daemon n times (a little more where the last round is deep),
// under a load that never pauses, and copies its files cuts times.
func (w *world) rounds(p *plans, n, cuts int) (kills []kill) {
	w.begin()
	w.kill() // the life of prepare
	for len(kills) < n && !w.t.Failed() {
		if w.store == sqlite && w.tries*n < len(kills)*cuts {
			kills = append(kills, w.cutLife())
		}
		round := p.next()
		for depth, s := range round {
			k := w.strike(s, depth)
			k.Plan = planText(round)
			kills = append(kills, k)
		}
	}
	return kills
}

// strike runs one life until it ends where it should, or is ended.
func (w *world) strike(s strike, depth int) kill {
	k := kill{Point: s.Point, Depth: depth, World: w.n}
	w.start(s.arm())
	within := hitWithin
	switch {
	case s.Point == atRandom:
		within = time.Duration(w.rng.IntN(2500)) * time.Millisecond
	case depth > 0:
		within = recoveryWithin
	}
	if w.dead(within) {
		k.Hit = w.killed()
		if refused := s.Stumble != "" && w.cmd.ProcessState.ExitCode() == 1; !k.Hit && !refused { // it need not start on a store that fails
			w.t.Errorf("the daemon ended by itself, armed %q: %v\n%s", s.arm(), w.cmd.ProcessState, w.logTail())
		}
	} else {
		w.kill()
		k.Hit = s.Point == atRandom
	}
	k.At = time.Now()
	return k
}

// cutLife runs a life that is not armed, cuts its power and kills it.
func (w *world) cutLife() kill {
	w.tries++
	w.start("")
	if !w.dead(time.Duration(500+w.rng.IntN(1000)) * time.Millisecond) {
		w.cutPower()
	}
	w.kill()
	return kill{Point: atRandom, Hit: true, World: w.n, At: time.Now(), Plan: string(atRandom)}
}

// settle starts the daemon a last time, lets everything come to its end and
// collects what was seen.
func (w *world) settle() *history {
	w.load.end()
	w.receiver.beKind()
	w.start("")
	w.up()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.quietCallers()
	h := &history{Listed: map[string]bool{}, Dialogs: map[string]*dialog{}}
	w.settled(ctx, func() bool { h.Live = w.live(); return len(h.Live) == 0 })
	h.RefsHeld = w.heldRefs()
	w.settled(ctx, func() bool { return len(w.live()) == 0 })
	w.settled(ctx, func() bool {
		h.Log = w.readLog()
		return !slices.ContainsFunc(h.Log, func(e event) bool { return !w.receiver.has(everything, e.ID) }) && fatesKnown(h.Log)
	})
	w.settled(ctx, func() bool { return w.hooksSettled(h.Log) })
	w.blacklist(h)
	w.endDaemon()
	w.stopPeers()
	w.collect(h)
	w.checkStore(h)
	return h
}

// quietCallers lets those who call the daemon end their calls and begin no
// other.
func (w *world) quietCallers() {
	w.mu.Lock()
	list := slices.Clone(w.peers)
	w.mu.Unlock()
	for _, p := range list {
		if !strings.Contains(p.trace, "network-") {
			_ = p.cmd.Process.Signal(syscall.SIGUSR1) // SIPp: no further calls; those that run go on
		}
	}
	limit := time.After(20 * time.Second)
	for _, p := range list {
		if strings.Contains(p.trace, "network-") {
			continue
		}
		select {
		case <-p.done:
		case <-limit:
			p.stop()
		}
	}
}

// live lists the calls that are not over; those far ahead, whose cancellation
// was not acknowledged in time, are cancelled now.
func (w *world) live() (ids []string) {
	for _, status := range []string{"queued", "held", "dialing", "ringing", "answered", "bridged"} {
		var page struct {
			Items []struct {
				ID  string
				Due time.Time `json:"due_at"`
			}
		}
		w.must("GET", "/v1/calls?limit=500&status="+status, nil, &page)
		for _, c := range page.Items {
			ids = append(ids, c.ID)
			if time.Until(c.Due) > time.Minute {
				_, _, _ = w.try("POST", "/v1/calls/"+c.ID+"/hangup", nil, "")
			}
		}
	}
	return ids
}

// heldRefs uses some refs of calls that are over once more, for a number that
// is blocked so that nobody is rung.
func (w *world) heldRefs() (held []string) {
	const nobody = "79160999999"
	w.must("PUT", "/v1/blacklist/"+nobody, map[string]any{}, nil)
	asks := w.load.asks
	for i := 0; i < len(asks); i += max(1, len(asks)/20) {
		if len(asks[i].IDs) == 0 || asks[i].Hook || asks[i].Bare {
			continue
		}
		code, raw, err := w.try("POST", "/v1/calls", map[string]any{"to": nobody, "ref": asks[i].Ref, "record_id": w.clips[0]}, "")
		var c struct{ ID string }
		if err != nil || code != 202 || json.Unmarshal(raw, &c) != nil {
			held = append(held, fmt.Sprintf("%s: %d %s %v", asks[i].Ref, code, raw, err))
			continue
		}
		// Its events carry the ref, too: it is a request of its own.
		w.load.asks = append(w.load.asks, ask{Ref: "again-" + asks[i].Ref, To: nobody, IDs: []string{c.ID}})
		w.again = append(w.again, c.ID)
	}
	return held
}

func (w *world) readLog() (log []event) {
	for after := int64(0); ; {
		var page struct{ Items []json.RawMessage }
		w.must("GET", fmt.Sprintf("/v1/events?after=%d&limit=500", after), nil, &page)
		for _, raw := range page.Items {
			e, err := parseEvent(raw)
			if err != nil {
				w.t.Fatal(err)
			}
			if slices.Contains(w.again, e.CallID) {
				e.Ref = "" // of heldRefs
			}
			w.show(e)
			log = append(log, e)
			after = e.Pos
		}
		if len(page.Items) < 500 {
			return log
		}
	}
}

// fatesKnown reports whether every text was told to be sent or failed.
func fatesKnown(log []event) bool {
	open := 0
	for _, e := range log {
		switch e.Type {
		case "sms.queued":
			open++
		case "sms.sent", "sms.failed":
			open--
		}
	}
	return open <= 0
}

// hooksSettled reports whether the webhooks of single calls have everything.
func (w *world) hooksSettled(log []event) bool {
	own := map[string]bool{}
	for _, a := range w.load.asks {
		own[a.Ref] = a.Hook
	}
	return !slices.ContainsFunc(log, func(e event) bool {
		return e.CallID != "" && strings.HasPrefix(e.Subject, "call:") && own[e.Ref] && !w.receiver.has(e.Ref, e.ID)
	})
}

func (w *world) blacklist(h *history) {
	cursor := ""
	for {
		var page struct {
			Items []struct{ Number string }
			Next  *string
		}
		w.must("GET", "/v1/blacklist?limit=500&cursor="+cursor, nil, &page)
		for _, b := range page.Items {
			h.Listed[b.Number] = true
		}
		if page.Next == nil {
			return
		}
		cursor = *page.Next
	}
}

// collect gathers what everybody around the daemon saw.
func (w *world) collect(h *history) {
	w.load.mu.Lock()
	h.Asks, h.Cancels, h.Blocks = w.load.asks, w.load.cancels, w.load.blocks
	w.load.mu.Unlock()
	w.receiver.mu.Lock()
	h.Arrivals, h.Requests = w.receiver.arrivals, w.receiver.requests
	w.receiver.mu.Unlock()
	w.mu.Lock()
	h.Seen, h.Oddities, h.Copies = w.seen, w.oddities, w.copies
	w.mu.Unlock()
	h.Dialogs = w.readDialogs()
	raw, err := os.ReadFile(filepath.Join(w.dir, "data", "sms.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var text struct{ ID string }
		if err := json.Unmarshal([]byte(line), &text); err != nil {
			w.t.Errorf("a line of the texts cannot be read: %.100q", line)
			continue
		}
		h.Texts = append(h.Texts, text.ID)
	}
}

// names that no kill hit.
func neverHit(kills []kill) (names []failpoint.Name) {
	for _, n := range failpoint.Names() {
		if !slices.ContainsFunc(kills, func(k kill) bool { return k.Hit && k.Point == n }) {
			names = append(names, n)
		}
	}
	return names
}
