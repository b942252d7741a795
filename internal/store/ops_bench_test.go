package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// benchCalls is what an installation of some size makes in a week.
const benchCalls = 100_000

// manyCalls fills the store at path with finished calls of eight events and an
// attempt each, as one of ours looks.
func manyCalls(b *testing.B, path string) {
	b.Helper()
	s, err := Open(b.Context(), Config{Path: path, Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	err = s.Update(b.Context(), func(tx calls.Tx) error { return errors.Join(soundWebhooks(tx), soundCall(tx, "call_0", true)) })
	if err == nil {
		err = s.Close(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	c, err := openSQLite(path, false)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	for _, q := range []string{
		`BEGIN`,
		`CREATE TEMP TABLE n AS WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?) SELECT i FROM k`,
		`INSERT INTO calls SELECT printf('call_%026d', i), account, ref, series, campaign, direction, status, outcome, is_over, callee, caller,
			created_at, due_at, ended_at, node, fence, lease_until, doc, erased_at FROM calls, n WHERE id = 'call_0'`,
		`INSERT INTO attempts SELECT printf('att_%026d', i), account, printf('call_%026d', i), n, role, trunk, callee, sip_call_id, sent_at, charged,
			state, node, fence, lease_until, doc, dialog FROM attempts, n WHERE call_id = 'call_0'`,
		`INSERT INTO events (id, account, subject, seq, type, time, call_id, ref, direction, line, employee, data)
			SELECT printf('evt_%024d%d', i, k.seq), account, 'call:' || printf('call_%026d', i), k.seq, CASE WHEN k.seq = 8 THEN 'call.completed' ELSE 'call.dialing' END,
			time, printf('call_%026d', i), ref, direction, line, employee,
			'{"attempt":"att_01KANB1234567890","trunk":"main","target":"192.0.2.7:5060","from":"78005553535","codec":"PCMA","ring_ms":4210}'
			FROM n, (SELECT 1 AS seq UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8) k, events e WHERE e.id = 'evt_call_0call.queued'`,
		`COMMIT`,
	} {
		var args []any
		if strings.HasPrefix(q, "CREATE") {
			args = []any{benchCalls}
		}
		if _, err := c.exec(b.Context(), q, args...); err != nil {
			b.Fatal(q, err)
		}
	}
}

// BenchmarkOperations measures backup, check and restore of 100,000 calls of
// eight events.
func BenchmarkOperations(b *testing.B) {
	path := filepath.Join(b.TempDir(), "zvonar.db")
	manyCalls(b, path)
	cfg := Config{Path: path, Clock: clock.System()}
	dir, file := b.TempDir(), ""
	b.Run("backup", func(b *testing.B) {
		for n := range b.N {
			file = filepath.Join(dir, fmt.Sprintf("backup%d.tar", n))
			i, err := Inspect(b.Context(), cfg, "")
			if err != nil {
				b.Fatal(err)
			}
			m, err := i.Backup(b.Context(), file, Backup{})
			if err != nil {
				b.Fatal(err)
			}
			if err := i.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(m.Tables[0].Rows), "calls")
		}
	})
	b.Run("check", func(b *testing.B) {
		for range b.N {
			i, err := Inspect(b.Context(), cfg, "")
			if err != nil {
				b.Fatal(err)
			}
			r, err := i.Check(b.Context())
			if err != nil || len(r.Problems) > 0 {
				b.Fatal(err, r.Problems)
			}
			if err := i.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("restore", func(b *testing.B) {
		for range b.N {
			dir := b.TempDir()
			out, err := RestoreFrom(b.Context(), file, Restore{Store: Config{Path: filepath.Join(dir, "zvonar.db"), Clock: clock.System()},
				Clips: filepath.Join(dir, "clips"), Token: filepath.Join(dir, "admin.token")})
			if err != nil || len(out.Check.Problems) > 0 {
				b.Fatal(err, out)
			}
			b.ReportMetric(out.Check.Took.Seconds(), "s-of-it-check")
		}
	})
}
