package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestAcceptedCalls posts calls that are due tomorrow, each with a ref of its
// own, over kept connections, and counts them in the store afterwards.
func TestAcceptedCalls(t *testing.T) {
	need(t)
	d := configure(t, t.TempDir())
	d.run()
	d.clip()
	raw := rawFsync(t, d.data)
	fmt.Printf("\n## POST /v1/calls, accepted durably (raw 4 KiB write+fsync beside it: %.0f/s)\n\n", raw)
	fmt.Println("| clients | calls/s | p50 ms | p99 ms | max ms | refused | x raw fsync |\n|---|---|---|---|---|---|---|")
	for _, clients := range []int{16, 32, 64, 96} {
		took, refused, span := d.flood(clients, 8*time.Second)
		rate := float64(len(took)) / span.Seconds()
		fmt.Printf("| %d | %.0f | %s | %s | %s | %d | %.1f |\n", clients, rate, ms(percentile(took, 0.5)), ms(percentile(took, 0.99)),
			ms(percentile(took, 1)), refused, rate/raw)
	}
}

// flood keeps clients posting for a while and returns how long each 202 took.
func (d *daemon) flood(clients int, during time.Duration) (took []time.Duration, refused int, span time.Duration) {
	d.t.Helper()
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}}
	defer hc.CloseIdleConnections()
	due := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for c := range clients {
		wg.Go(func() {
			var mine []time.Duration
			bad := 0
			for n := 0; time.Since(start) < during; n++ {
				body, _ := json.Marshal(map[string]any{"to": fmt.Sprintf("7916%07d", (c*100003+n)%10000000), "record_id": 1000001,
					"ref": fmt.Sprintf("f-%d-%d-%d", clients, c, n), "not_before": due, "metadata": map[string]string{"order": "4711"}})
				req, _ := http.NewRequest("POST", d.api+"/v1/calls", bytes.NewReader(body))
				req.Header.Set("Authorization", "Bearer "+d.token)
				req.Header.Set("Content-Type", "application/json")
				began := time.Now()
				res, err := hc.Do(req)
				if err != nil {
					bad++
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusAccepted {
					bad++
					continue
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			took, refused = append(took, mine...), refused+bad
		})
	}
	wg.Wait()
	return took, refused, time.Since(start)
}
