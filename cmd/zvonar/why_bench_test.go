package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/media/capture"
)

// BenchmarkWhyContactsWait asks a whole daemon with SQLite for pages of 500 contacts
// of a campaign that runs, with a million in line (ZVONAR_CONTACTS says another
// number), with and without why they are not called, and blocks numbers meanwhile:
// does a page hold up those who write? What it reports goes into docs/performance.md.
func BenchmarkWhyContactsWait(b *testing.B) {
	n := 1_000_000
	if _, err := fmt.Sscan(os.Getenv("ZVONAR_CONTACTS"), &n); err != nil {
		n = 1_000_000
	}
	c := benchDaemon(b)
	m := longLine(b, c, n)
	for b.Loop() {
		quantile(b, "page", repeated(b, 41, func(int) error { _, err := c.Contacts(b.Context(), m, url.Values{}, 500); return err }))
		why := func(int) error {
			list, err := c.Contacts(b.Context(), m, url.Values{"why": {"true"}, "state": {"waiting"}}, 500)
			if err == nil && (len(list) != 500 || list[499].Hold == nil) {
				err = fmt.Errorf("%d contacts, and of the last nothing is known", len(list))
			}
			return err
		}
		quantile(b, "why-page", repeated(b, 41, why))
		number := 79990000000
		block := func(int) error {
			number++
			_, err := c.Block(b.Context(), fmt.Sprint(number), client.BlockRequest{})
			return err
		}
		quantile(b, "write", repeated(b, 200, block))
		ctx, cancel := context.WithCancel(b.Context())
		var askers sync.WaitGroup
		askers.Go(func() {
			for ctx.Err() == nil {
				_ = why(0) // what fails here failed above
			}
		})
		quantile(b, "write-beside-why", repeated(b, 200, block))
		cancel()
		askers.Wait()
	}
}

// benchDaemon serves until b is over.
func benchDaemon(b *testing.B) *client.Client {
	dir := b.TempDir()
	file := filepath.Join(dir, "zvonar.yaml")
	text := "data_dir: " + dir + "\nhttp: {listen: \"127.0.0.1:0\"}\nadmin: {listen: \"127.0.0.1:0\"}\nsip: {listen: [\"udp://127.0.0.1:0\"]}\n" +
		"trunks: [{name: main, uri: \"sip:127.0.0.1:9\", options: 0s, numbers: [\"78005553535\"]}]\ndialer: {window: {from: \"00:00\", to: \"24:00\"}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, problems := readConfig(file, nil)
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	d, err := newDaemon(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		err = d.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	token, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	if err != nil {
		b.Fatal(err)
	}
	return &client.Client{Base: "http://" + d.api.Addr().String(), Token: strings.TrimSpace(string(token))}
}

// longLine is a campaign that runs with n contacts in line: after its first call it
// waits for hours.
func longLine(b *testing.B, c *client.Client, n int) (id string) {
	ctx := b.Context()
	pcm := make([]int16, 8*8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*float64(300+50*(i/4000))*float64(i)/8000))
	}
	var clip bytes.Buffer
	if err := capture.WriteWAV(&clip, 8000, pcm); err != nil {
		b.Fatal(err)
	}
	rec, err := c.AddRecording(ctx, "clip.wav", "Clip", false, &clip)
	if err == nil {
		_, err = c.Moderate(ctx, rec.ID, "approve", client.Decision{})
	}
	if err != nil {
		b.Fatal(err)
	}
	m, err := c.CreateCampaign(ctx, map[string]any{"record_id": rec.ID, "pace": map[string]any{"interval": "23h"}})
	if err != nil {
		b.Fatal(err)
	}
	list := bytes.NewBufferString("number,name,ref\n")
	for i := range n {
		fmt.Fprintf(list, "7900%07d,Name,order-%d\n", i, i)
	}
	out, err := c.ImportContacts(ctx, m.ID, url.Values{}, list)
	if err != nil || out.Added != int64(n) {
		b.Fatalf("%d of %d contacts were added, %v", out.Added, n, err)
	}
	if _, err := c.MoveCampaign(ctx, m.ID, calls.CampaignStart, ""); err != nil {
		b.Fatal(err)
	}
	return m.ID
}

// repeated is how long each of n runs of f took, the shortest first.
func repeated(b *testing.B, n int, f func(int) error) []time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		if err := f(i); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took
}

func quantile(b *testing.B, what string, took []time.Duration) {
	for _, q := range []int{50, 95} {
		b.ReportMetric(float64(took[len(took)*q/100].Microseconds())/1000, fmt.Sprintf("ms-p%d-%s", q, what))
	}
}
