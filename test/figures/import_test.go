package figures

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/store/pgtest"
)

const (
	importLines = 1_000_000
	importTurn  = 2 * time.Second // the list comes for so long, and stays away for so long
	callEvery   = 25 * time.Millisecond
	orderEvery  = 30 * time.Millisecond
	callLasts   = 300 * time.Millisecond // and up to 50 ms more
)

// The rows of the table.
const (
	byStream = "`call.completed` on the stream"
	byHook   = "`call.completed` at a webhook"
	byOrder  = "`POST /v1/calls` is answered"
)

// TestEventsAreToldDuringAnImport uploads a million contacts, in turns, while callers
// call and hang up, and measures what a listener sees: the time from a caller's BYE
// to the event call.completed of it, on the stream and at a webhook. Beside it calls
// for tomorrow are asked for, whose answer waits for the disk.
func TestEventsAreToldDuringAnImport(t *testing.T) {
	need(t)
	t.Run("SQLite", func(t *testing.T) { eventsDuringAnImport(t, "sqlite") })
	t.Run("PostgreSQL", func(t *testing.T) { eventsDuringAnImport(t, pgtest.URL(t)) })
}

func eventsDuringAnImport(t *testing.T, store string) {
	d := configure(t, t.TempDir())
	d.extend("store: %q\n", store)
	told := &arrivals{left: map[string]time.Time{}}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		told.event(byHook, raw)
	}))
	defer hook.Close()
	// A webhook may lie on loopback where it stands in the file.
	d.extend("webhooks: [{url: %q, secret: %q, types: [call.completed], account: main}]\n", hook.URL, "whsec_"+base64.StdEncoding.EncodeToString([]byte("twenty-four bytes for it")))
	d.run()
	d.clip()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { d.stream(ctx, func(raw []byte) { told.event(byStream, raw) }) })
	f := newFar(t, 0)
	defer f.close()
	wg.Go(func() { d.callers(ctx, f, told) })
	wg.Go(func() { d.orders(ctx, told) })
	time.Sleep(importTurn) // everything has been used once

	var campaign struct {
		ID string `json:"id"`
	}
	d.do("POST", "/v1/campaigns", "application/json", strings.NewReader(`{"name":"list","flow":{"record":1000001}}`), &campaign)
	list, lines := io.Pipe()
	told.from = time.Now()
	go writeList(lines, told.importing)
	var added struct {
		Added int `json:"added"`
	}
	d.do("POST", "/v1/campaigns/"+campaign.ID+"/contacts", "text/csv", list, &added)
	took := time.Since(told.from)
	cancel()
	wg.Wait()
	if added.Added != importLines {
		t.Fatalf("%d contacts were added", added.Added)
	}
	told.print(t.Name(), took)
}

// extend adds to the configuration; before run.
func (d *daemon) extend(format string, args ...any) {
	d.t.Helper()
	f, err := os.OpenFile(d.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := fmt.Fprintf(f, format, args...); err != nil {
		d.t.Fatal(err)
	}
}

// writeList writes the contacts as an upload that stays away in the turns of others.
func writeList(to *io.PipeWriter, importing func(time.Time) bool) {
	w := bufio.NewWriterSize(to, 16<<10)
	fmt.Fprintln(w, "phone;ref;name;debt")
	for i := range importLines {
		for i%100 == 0 && !importing(time.Now()) {
			time.Sleep(time.Millisecond)
		}
		fmt.Fprintf(w, "+7 (900) %03d-%02d-%02d;contract-%d;Иванов Иван Иванович;%d\n", i/10000%1000, i/100%100, i%100, i, i%90000)
	}
	_ = w.Flush()
	_ = to.Close()
}

// stream reads the events of completed calls as they happen, until ctx ends.
func (d *daemon) stream(ctx context.Context, each func(raw []byte)) {
	req, err := http.NewRequestWithContext(ctx, "GET", d.api+"/v1/events?types=call.completed", nil)
	if err != nil {
		d.t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
			each([]byte(data))
		}
	}
}

// callers call one after another, each with a number of its own, and hang up after a
// while, until ctx ends.
func (d *daemon) callers(ctx context.Context, f *far, told *arrivals) {
	send := func(method, number, toHeader string, cseq int, body string) {
		f.request(d, method, number, number, toHeader, cseq, body)
	}
	go func() {
		ticks := time.NewTicker(callEvery)
		defer ticks.Stop()
		for i := 0; ctx.Err() == nil; i++ {
			<-ticks.C
			send("INVITE", fmt.Sprintf("7916%07d", i), newCall, 1, f.sdp())
		}
	}()
	var wg sync.WaitGroup
	defer wg.Wait()
	for buf := make([]byte, 8000); ctx.Err() == nil; {
		_ = f.sip.SetReadDeadline(time.Now().Add(time.Second))
		n, err := f.sip.Read(buf)
		msg := string(buf[:max(0, n)])
		if err != nil || !strings.HasPrefix(msg, "SIP/2.0 200") || !strings.HasSuffix(header(msg, "CSeq"), "INVITE") {
			continue
		}
		number := strings.TrimSpace(strings.TrimPrefix(header(msg, "Call-ID"), "Call-ID:"))
		send("ACK", number, header(msg, "To"), 1, "")
		wg.Go(func() {
			time.Sleep(callLasts + time.Duration(rand.IntN(50))*time.Millisecond)
			told.hangsUp(number)
			send("BYE", number, header(msg, "To"), 2, "")
		})
	}
}

// orders asks for calls of tomorrow, one after another, until ctx ends.
func (d *daemon) orders(ctx context.Context, told *arrivals) {
	due := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	ticks := time.NewTicker(orderEvery)
	defer ticks.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		<-ticks.C
		began := time.Now()
		body := fmt.Sprintf(`{"to":"7917%07d","record_id":1000001,"not_before":%q}`, i, due)
		if err := d.ask("POST", "/v1/calls", "application/json", strings.NewReader(body), nil); err != nil {
			d.t.Error(err)
			return
		}
		told.add(arrival{began, time.Since(began), byOrder})
	}
}

// arrivals are when callers hung up, and how long after it that was told.
type arrivals struct {
	from time.Time // of the first turn; the list stays away in it

	mu   sync.Mutex
	left map[string]time.Time // by number
	took []arrival
}

type arrival struct {
	at   time.Time
	took time.Duration
	by   string
}

func (a *arrivals) importing(now time.Time) bool { return now.Sub(a.from)/importTurn%2 == 1 }

func (a *arrivals) hangsUp(number string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left[number].IsZero() {
		a.left[number] = time.Now()
	}
}

func (a *arrivals) add(x arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, x)
}

func (a *arrivals) event(by string, raw []byte) {
	now := time.Now()
	var e struct {
		Data struct {
			From string `json:"from"`
		} `json:"data"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if left, ok := a.left[e.Data.From]; ok {
		a.took = append(a.took, arrival{left, now.Sub(left), by})
	}
}

// print writes the table: rows of the turns with the list and without it.
func (a *arrivals) print(where string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Printf("\n## %s: from a caller's BYE to its event at a listener, and from a request to its answer, ms; %d contacts uploaded in turns of %s, %.0f lines/s in them\n\n",
		where, importLines, importTurn, importLines/(took.Seconds()/2))
	fmt.Println("| what | the list | times | p50 | p90 | p95 | p98 | p99 | max |\n|---|---|---|---|---|---|---|---|---|")
	for _, by := range []string{byStream, byHook, byOrder} {
		for _, busy := range []bool{false, true} {
			var list []time.Duration
			for _, x := range a.took {
				// The first tenth of a second of a turn belongs to the one before.
				if x.by == by && x.at.After(a.from) && a.importing(x.at) == busy && x.at.Sub(a.from)%importTurn >= importTurn/20 {
					list = append(list, x.took)
				}
			}
			name := map[bool]string{false: "away", true: "comes"}[busy]
			fmt.Printf("| %s | %s | %d |", by, name, len(list))
			for _, p := range []float64{.5, .9, .95, .98, .99, 1} {
				fmt.Printf(" %s |", ms(percentile(list, p)))
			}
			fmt.Println()
		}
	}
}
