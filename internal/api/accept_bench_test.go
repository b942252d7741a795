package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
	"zvonar/internal/engine"
	"zvonar/internal/store"
	"zvonar/recordings"
)

// acceptHouse is the API over a real store on disk and the system's clock, with
// as many tokens and recordings as a busy account has.
func acceptHouse(b *testing.B) (server *Server, token string) {
	b.Helper()
	c := clock.System()
	ids, dir := clock.NewIDs(c, nil), b.TempDir()
	st, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "z.db"), Clock: c})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close(context.Background()) })
	lib, err := recordings.New(recordings.Config{Store: st, Dir: filepath.Join(dir, "clips"), Clock: c, IDs: ids})
	if err != nil {
		b.Fatal(err)
	}
	eng, err := engine.New(engine.Config{Store: st, Line: noLine{}, Clips: lib, Queue: &idleQueue{}, Limits: noLimits{}, Clock: c, IDs: ids,
		Log: slog.New(slog.DiscardHandler), Countries: []string{"RU"}, Trunks: []engine.TrunkNumbers{{Name: "main", Numbers: []string{"78005553535"}}}})
	if err != nil {
		b.Fatal(err)
	}
	guard, err := egress.New(egress.Config{})
	if err != nil {
		b.Fatal(err)
	}
	server, err = New(Config{Listen: "127.0.0.1:0", Version: "bench", Engine: eng, Store: st, Recordings: lib, Jobs: recordings.NewJobs(lib), Guard: guard, Country: "RU", Clock: c, IDs: ids})
	if err != nil {
		b.Fatal(err)
	}
	token = NewToken()
	err = st.Update(context.Background(), func(tx calls.Tx) error {
		for i := range 50 {
			plain := token
			if i > 0 {
				plain = NewToken()
			}
			if err := tx.PutToken(&calls.Token{ID: fmt.Sprint("tok_", i), Account: calls.MainAccount, Name: "bot", Roles: []calls.Permission{calls.PermCaller}, Hash: HashToken(plain), CreatedAt: c.Now()}); err != nil {
				return err
			}
			if err := tx.InsertRecording(recording(fmt.Sprint("rec_", i), int64(1460168+i), calls.RecordingIsApproved)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return server, token
}

// BenchmarkAcceptCalls asks for calls as a bot platform does, over kept
// connections, each answered once it is durable. Client and server share the
// processor; ns/op is the reciprocal of the rate.
func BenchmarkAcceptCalls(b *testing.B) {
	for _, clients := range []int{1, 32, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkAccept(b, clients) })
	}
}

func benchmarkAccept(b *testing.B, clients int) {
	server, token := acceptHouse(b)
	web := httptest.NewServer(server.Handler())
	b.Cleanup(web.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	b.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	var asked atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	ask := func(n int64) error {
		body := fmt.Sprintf(`{"to":"7900%07d","record_id":"1460168","from":"78005553535","ref":"order-%d","digits":[{},{"record":"1460169"},{"managerPhone":"74242490764"},{"smsText":"Заказ готов"},{"needBlock":"1"}],"metadata":{"order":%d}}`, n%10_000_000, n, n)
		req, err := http.NewRequest("POST", web.URL+"/v1/calls", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", fmt.Sprint("key-", n))
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusAccepted {
			return fmt.Errorf("%d %s", res.StatusCode, text)
		}
		return err
	}
	var clientsDone sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		clientsDone.Go(func() {
			var own []time.Duration
			for n := asked.Add(1); n <= int64(b.N); n = asked.Add(1) {
				begun := time.Now()
				if err := ask(n); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(begun))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	clientsDone.Wait()
	b.StopTimer()
	slices.Sort(took)
	if len(took) == 0 {
		return
	}
	at := func(part float64) float64 {
		return float64(took[int(part*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}
