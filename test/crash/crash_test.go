package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"zvonar/internal/store/pgtest"
)

// zvonar is the binary under test.
var zvonar string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "zvonar-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		zvonar = filepath.Join(dir, "zvonar")
		return m.Run()
	}())
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

// TestKilledAnywhereNothingIsLostAndNobodyIsRungTwice kills CRASH_ROUNDS times,
// in CRASH_WORLDS daemons side by side. docs/crash.md lists the settings.
func TestKilledAnywhereNothingIsLostAndNobodyIsRungTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("killing a daemon hundreds of times is left out with -short")
	}
	if _, err := exec.LookPath("sipp"); err != nil {
		t.Skip("sipp is not installed: sudo apt-get install sip-tester (make test does it)")
	}
	build := exec.Command("go", "build", "-o", zvonar, "zvonar/cmd/zvonar")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the binary does not build: %v\n%s", err, out)
	}
	rounds, worlds := setting(t, "CRASH_ROUNDS", 200), setting(t, "CRASH_WORLDS", 2)
	seed := uint64(setting(t, "CRASH_SEED", int(time.Now().Unix()%1_000_000)))
	cuts := setting(t, "CRASH_COPIES", 30)
	only, err := parsePlan(os.Getenv("CRASH_PLAN"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d", seed)
	began := time.Now()
	s := &summary{Seed: seed, Store: storeKind(t), Violations: []violation{}, Ends: tallies{}, Types: tallies{}}
	var mu sync.Mutex
	var kills []kill
	var found []violation
	t.Run("worlds", func(t *testing.T) {
		for n := range worlds {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, n, seed, storeURL(t))
				w.prepare()
				mine := w.rounds(&plans{rng: rand.New(rand.NewPCG(seed, uint64(n))), only: only}, (rounds+worlds-1)/worlds, cuts/worlds)
				h := w.settle()
				broken := judge(h)
				mu.Lock()
				defer mu.Unlock()
				kills, found = append(kills, mine...), append(found, broken...)
				s.add(h, w.cuts)
				for i, v := range broken {
					if i == 40 {
						t.Errorf("and %d more", len(broken)-i)
						break
					}
					again := ""
					if k, ok := before(mine, v.At); ok {
						again = fmt.Sprintf("\n    again: make crash ROUNDS=20 SEED=%d PLAN='%s'", seed, k.Plan)
					}
					t.Errorf("%s: %s: %s (%s)%s", v.Rule, v.Subject, v.Text, v.At.Format(time.TimeOnly), again)
				}
				w.keep()
			})
		}
	})
	s.Seconds = int(time.Since(began).Seconds())
	s.tally(kills, found)
	t.Logf("\n%s", s)
	if missed := neverHit(kills); len(missed) > 0 && len(only) == 0 && rounds >= 200 {
		t.Errorf("never hit: %v", missed)
	}
	if idle := s.unused(); len(idle) > 0 && len(only) == 0 && rounds >= 200 {
		t.Errorf("the load never led to %v", idle)
	}
	if path := os.Getenv("CRASH_REPORT"); path != "" {
		b, err := json.MarshalIndent(s, "", "  ")
		if err == nil {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// add counts what one world saw.
func (s *summary) add(h *history, copies int) {
	for _, a := range h.Asks {
		s.Calls += len(a.IDs)
	}
	for _, e := range h.Log {
		s.Types[e.Type]++
		if e.Type == "call.completed" {
			s.Completed++
			s.Ends[e.Facts.Outcome]++
			if e.Facts.Outcome == "lost" {
				s.Lost++
			}
		}
	}
	for _, d := range h.Dialogs {
		if !d.Inbound {
			s.Invites++
			if d.Answered && !d.Bye {
				s.Unknown++
			}
		}
	}
	told := map[string]bool{}
	for _, a := range h.Arrivals {
		if told[a.Dest+a.Event.ID] {
			s.Repeats++
		}
		told[a.Dest+a.Event.ID] = true
	}
	s.Events += len(h.Log)
	s.Arrivals += len(h.Arrivals)
	s.Texts += len(h.Texts)
	s.Copies += copies
}

// unused lists what the load must lead to and did not: a part of it that does
// nothing proves nothing.
func (s *summary) unused() (idle []string) {
	for _, typ := range []string{"call.ringing", "call.answered", "call.digit", "call.action", "call.bridged", "call.unbridged", "call.playback_finished",
		"provider.call", "sms.sent", "number.blocked"} {
		if s.Types[typ] == 0 {
			idle = append(idle, typ)
		}
	}
	for _, outcome := range []string{"answered", "busy", "rejected", "no_answer", "canceled", "blocked", "lost"} {
		if s.Ends[outcome] == 0 {
			idle = append(idle, outcome)
		}
	}
	return idle
}

// keep copies what is left of a world to CRASH_KEEP, if that is set: its
// database, the daemon's log, the traces of SIPp.
func (w *world) keep() {
	if dir := os.Getenv("CRASH_KEEP"); dir != "" {
		to := filepath.Join(dir, fmt.Sprintf("seed-%d-world-%d", w.seed, w.n))
		if err := os.CopyFS(to, os.DirFS(w.dir)); err != nil {
			w.t.Log(err)
		}
		w.t.Logf("kept in %s", to)
	}
}

// storeKind is the database that the environment asks for.
func storeKind(t *testing.T) string {
	kind := os.Getenv("CRASH_STORE")
	switch kind {
	case "":
		kind = sqlite
	case sqlite, "postgres":
	default:
		t.Fatalf("CRASH_STORE=%q is neither sqlite nor postgres", kind)
	}
	return kind
}

// storeURL is the setting "store" of one daemon.
func storeURL(t *testing.T) string {
	if storeKind(t) == sqlite {
		return sqlite
	}
	return pgtest.URL(t)
}

const sqlite = "sqlite"
