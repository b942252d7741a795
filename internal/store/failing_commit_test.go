package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/failpoint"
)

const (
	observeChildEnv = "ZVONAR_STORE_OBSERVE_CHILD"
	observed        = 300
)

// observeChild tells events one after another, while its failpoints are at work,
// and stops cleanly.
func observeChild(path string) {
	s, err := Open(context.Background(), Config{Path: path, Clock: clock.System()})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	c := &calls.Call{ID: "call_1", Account: "main"}
	for n := range observed {
		e := calls.ForCall(fmt.Sprintf("evt_%03d", n), clock.System().Now(), c, calls.CallDigit, nil)
		s.Observe(func(tx calls.Tx) error { return tx.AppendEvent(&e) }, func(err error) {
			if err != nil {
				fmt.Println("error", err)
			}
		})
		if n%50 == 0 { // several commits
			_ = s.Update(context.Background(), func(calls.Tx) error { return nil }) // may be refused meanwhile
		}
	}
	if err := s.Close(context.Background()); err != nil {
		fmt.Println("error", err)
	}
	fmt.Println("closed")
}

func TestCommitsThatFailOrAreSlowLoseNothingThatWasObserved(t *testing.T) {
	t.Parallel()
	for name, orders := range map[string]string{
		"failing": "store.commit=error@2,store.commit=error@3,store.commit=error@5",
		"slow":    "store.commit=delay:500ms@2,store.commit=delay:500ms@4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "zvonar.db")
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), observeChildEnv+"="+path, failpoint.Variable+"="+orders)
			out, err := cmd.Output()
			if err != nil || strings.TrimSpace(string(out)) != "closed" {
				t.Fatalf("the child says %q, %v", out, err)
			}
			s := openTest(t, path)
			defer closeStore(t, s)
			view(t, s, func(r calls.ReadTx) error {
				list, err := r.Events(calls.EventFilter{Subject: "call:call_1", Limit: 1000})
				for n, e := range list {
					if e.ID != fmt.Sprintf("evt_%03d", n) || e.Seq != int64(n+1) {
						t.Fatalf("event %d is %s with seq %d", n, e.ID, e.Seq)
					}
				}
				if len(list) != observed {
					t.Errorf("%d events are stored; want %d", len(list), observed)
				}
				return err
			})
		})
	}
}
