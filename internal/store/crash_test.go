package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

const crashChildEnv = "ZVONAR_STORE_CRASH_CHILD"

// crashChild commits calls with their first event from many goroutines for
// ever, and names each on its output once it was acknowledged.
func crashChild(path string) {
	s, err := Open(context.Background(), Config{Path: path, Clock: clock.System()})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	ids := clock.NewIDs(clock.System(), nil)
	var out sync.Mutex
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				c := &calls.Call{ID: ids.New("call_"), Account: "main", Status: calls.StatusQueued, CreatedAt: time.Now()}
				e := calls.ForCall(ids.New("evt_"), time.Now(), c, calls.CallQueued, nil)
				err := s.Update(context.Background(), func(tx calls.Tx) error {
					if err := tx.InsertCall(c); err != nil {
						return err
					}
					return tx.AppendEvent(&e)
				})
				out.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("ok", c.ID, e.ID)
				}
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestEveryAcknowledgedUnitSurvivesKillNine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	acked := map[string]string{} // event id by call id
	for round := range 5 {
		killWhileCommitting(t, path, 40+30*round, acked)
		verifySurvivors(t, path, acked)
	}
}

// killWhileCommitting runs a child until it acknowledged n units, kills it and
// notes everything it acknowledged.
func killWhileCommitting(t *testing.T, path string, n int, acked map[string]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashChildEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for seen := 0; lines.Scan(); seen++ {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[0] != "ok" {
			if seen >= n {
				break // a line cut by the kill
			}
			t.Fatalf("child says %q", lines.Text())
		}
		acked[f[1]] = f[2]
		if seen == n {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait() // killed by us
}

func verifySurvivors(t *testing.T, path string, acked map[string]string) {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path, Clock: clock.System()})
	if err != nil {
		t.Fatalf("reopen after kill -9: %v", err)
	}
	defer closeStore(t, s)
	err = s.View(t.Context(), func(tx calls.ReadTx) error {
		for id, evt := range acked {
			if _, err := tx.Call("main", id); err != nil {
				t.Errorf("acknowledged call %s: %v", id, err)
			}
			events, err := tx.Events(calls.EventFilter{Subject: calls.CallSubject(id)})
			if err != nil || len(events) != 1 || events[0].ID != evt {
				t.Errorf("events of %s: %v, %v; want %s", id, events, err, evt)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
