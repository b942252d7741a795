package store

import (
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store/pgtest"
)

// openPostgres opens a store on a PostgreSQL database as one of several nodes.
func openPostgres(t *testing.T, url, node string, clk clock.Clock) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), URL: url, Node: node, Clock: clk, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func TestPostgreSQLConforms(t *testing.T) {
	t.Parallel()
	runConformance(t, func(t *testing.T) calls.Store {
		// Leases go by the clock of the store, as on SQLite: the suite sets it.
		clk := clock.NewFake(testTime)
		s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), URL: pgtest.URL(t), Node: "a", Clock: clk, leaseClock: clk})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeStore(t, s) })
		return s
	})
}

func TestNodesOnPostgreSQL(t *testing.T) {
	t.Parallel()
	runNodes(t, func(t *testing.T) openNode {
		url := pgtest.URL(t)
		return func(node, home string) (*Store, *clock.Fake, error) {
			clk := clock.NewFake(testTime)
			s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), URL: url, Node: node, Home: home, Clock: clk, leaseClock: clk})
			if err != nil {
				return nil, nil, err
			}
			t.Cleanup(func() { _ = s.Close(t.Context()) })
			return s, clk, nil
		}
	})
}
