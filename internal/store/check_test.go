package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// soundStore fills a store with what a day leaves behind: calls that are over,
// one that is not, deliveries in every state, texts, recordings.
func soundStore(t *testing.T, s calls.Store) {
	t.Helper()
	update(t, s, func(tx calls.Tx) error {
		for _, w := range []calls.Webhook{{ID: "wh_1"}, {ID: "wh_2", Disabled: true}} {
			w.Account, w.CreatedAt = "main", testTime
			if err := tx.PutWebhook(&w); err != nil {
				return err
			}
		}
		for _, id := range []string{"call_1", "call_2", "call_3"} {
			if err := soundCall(tx, id, id != "call_3"); err != nil {
				return err
			}
		}
		n, err := tx.NextRecordID(1000001)
		if err != nil {
			return err
		}
		rec := &calls.Recording{ID: "rec_1", Account: "main", RecordID: &n, State: calls.RecordingIsApproved, CreatedAt: testTime}
		if err := tx.InsertRecording(rec); err != nil {
			return err
		}
		return tx.InsertSMS(&calls.SMS{ID: "sms_1", Account: "main", CallID: "call_1", To: "79001112233", State: calls.SMSIsSent, CreatedAt: testTime})
	})
}

func soundCall(tx calls.Tx, id string, over bool) error {
	c := &calls.Call{ID: id, Account: "main", Ref: "r", Status: calls.StatusQueued, To: "79001112233", CreatedAt: testTime, DueAt: testTime}
	if err := tx.InsertCall(c); err != nil {
		return err
	}
	types := []calls.EventType{calls.CallQueued, calls.CallDialing}
	if over {
		types = append(types, calls.CallCompleted)
		end := testTime
		c.Status, c.Outcome, c.EndedAt = calls.StatusCompleted, calls.OutcomeBusy, &end
	}
	state := calls.AttemptDialing
	if over {
		state = calls.AttemptOver
	}
	a := &calls.Attempt{ID: "att_" + id, CallID: id, Account: "main", N: 1, Role: calls.RoleCustomer, State: state, SentAt: testTime, Dialog: []byte{0, 255}}
	if err := tx.InsertAttempt(a); err != nil {
		return err
	}
	for i, typ := range types {
		e := calls.ForCall("evt_"+id+string(typ), testTime, c, typ, map[string]int{"n": i})
		if err := tx.AppendEvent(&e); err != nil {
			return err
		}
		for _, w := range []string{"wh_1", "wh_2"} {
			if _, err := tx.QueueDeliveries([]calls.Delivery{{WebhookID: w, EventPos: e.Pos, EventID: e.ID, Subject: e.Subject}}, testTime); err != nil {
				return err
			}
			if i > 0 || w != "wh_1" {
				continue
			}
			made, err := tx.Deliveries(w, calls.DeliveryFilter{Limit: 1})
			if err != nil {
				return err
			}
			made[0].State, made[0].DoneAt = calls.DeliveryDelivered, &testTime
			if _, err := tx.SettleDeliveries([]calls.Settlement{{Delivery: made[0]}}); err != nil {
				return err
			}
		}
	}
	return tx.UpdateCall(c)
}

func inspect(t *testing.T, path string) *Inspector {
	t.Helper()
	i, err := Inspect(t.Context(), Config{Path: path, Clock: clock.System()}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func check(t *testing.T, path string) Report {
	t.Helper()
	r, err := inspect(t, path).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestASoundStoreHasNoProblems(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	soundStore(t, s)
	update(t, s, func(tx calls.Tx) error { // documents of every kind
		if err := tx.InsertExchange(filled[calls.Exchange]()); err != nil {
			return err
		}
		return tx.PutFacadeKey(filled[calls.FacadeKey]())
	})
	r := check(t, s.path)
	for _, p := range r.Problems {
		t.Errorf("%s: %s", p.Check, p)
	}
	if r.Checks < len(invariants)+len(documents) {
		t.Errorf("%d checks were made", r.Checks)
	}
}

// damages breaks each invariant in turn.
var damages = map[string]string{
	"call.completed missing":     `DELETE FROM events WHERE subject = 'call:call_1' AND type = 'call.completed'`,
	"call.completed too early":   `INSERT INTO events SELECT 900, 'e900', account, subject, seq + 1, 'call.completed', time, call_id, ref, direction, line, employee, data FROM events WHERE id = 'evt_call_3call.dialing'`,
	"call.completed twice":       `DROP INDEX events_one_end; INSERT INTO events SELECT 900, 'e900', account, subject, seq + 1, type, time, call_id, ref, direction, line, employee, data FROM events WHERE id = 'evt_call_1call.completed'`,
	"call status":                `UPDATE calls SET outcome = '' WHERE id = 'call_2'`,
	"ref":                        `DROP INDEX calls_live_ref; UPDATE calls SET is_over = 0, status = 'queued', outcome = '' WHERE id = 'call_1'`,
	"seq":                        `DELETE FROM events WHERE id = 'evt_call_1call.dialing'`,
	"events without call":        `DELETE FROM attempts WHERE call_id = 'call_1'; DELETE FROM calls WHERE id = 'call_1'`,
	"attempt numbers":            `UPDATE attempts SET n = 2 WHERE id = 'att_call_1'`,
	"open attempts":              `UPDATE attempts SET state = 'dialing'`,
	"lane heads":                 `UPDATE deliveries SET head = 0 WHERE webhook_id = 'wh_1'`,
	"heads that are done":        `UPDATE deliveries SET head = 1 WHERE state <> 'pending'`,
	"parked lanes":               `UPDATE webhooks SET disabled = 0 WHERE id = 'wh_2'`,
	"deliveries without webhook": `DELETE FROM webhooks WHERE id = 'wh_1'`,
	"deliveries without event":   `DELETE FROM events WHERE id = 'evt_call_1call.completed'`,
	"cursors":                    `UPDATE cursors SET pos = 10000 WHERE name = 'webhook:wh_1'`,
	"texts without call":         `UPDATE sms SET call_id = 'call_9'`,
	"record numbers":             `UPDATE sequences SET next = 1000001`,
	"documents":                  `UPDATE calls SET doc = '{' WHERE id = 'call_1'`,
	"foreign keys":               `PRAGMA foreign_keys = 0; UPDATE attempts SET call_id = 'call_9' WHERE id = 'att_call_1'`,
	"clips":                      `UPDATE recordings SET doc = '{"sha256":"ab12"}'`,
}

func TestEveryDamageIsNamed(t *testing.T) {
	t.Parallel()
	for _, inv := range invariants {
		if damages[inv.name] == "" {
			t.Errorf("nothing damages %q", inv.name)
		}
	}
	sound := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, sound)
	soundStore(t, s)
	closeStore(t, s)
	for name, sql := range damages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "zvonar.db")
			copyFile(t, sound, path)
			c, err := openSQLite(path, false)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if err := c.run(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			i := inspect(t, path)
			i.clips = t.TempDir()
			r, err := i.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, p := range r.Problems {
				found = found || p.Check == name && p.Count > 0 && p.Do != "" && strings.Contains(p.String(), p.Text)
			}
			if !found {
				t.Errorf("found %+v; want %q among them", r.Problems, name)
			}
		})
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, path)
	soundStore(t, s)
	closeStore(t, s)
	overwrite(t, path, 8*4096, strings.Repeat("damaged ", 4*512))
	i, err := Inspect(t.Context(), Config{Path: path, Clock: clock.System()}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	r, err := i.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) == 0 || r.Problems[0].Check != "integrity" {
		t.Errorf("found %+v; want the integrity first", r.Problems)
	}
}

func TestAStoreThatIsNotThereIsNotMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	if _, err := Inspect(t.Context(), Config{Path: path, Clock: clock.System()}, ""); err == nil || !strings.Contains(err.Error(), "data_dir") {
		t.Errorf("Inspect: %v", err)
	}
	mustBeEmpty(t, filepath.Dir(path))
}

func TestAnUncleanStopIsCheckedInTheBackground(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openTest(t, path)
	soundStore(t, s)
	closeStore(t, s)

	s = openTest(t, path)
	if s.unclean {
		t.Error("a clean stop is taken for an unclean one")
	}
	if err := s.writer.run(t.Context(), damages["call.completed missing"]); err != nil {
		t.Fatal(err)
	}
	// What kill -9 leaves: the lock is free and nothing was noted.
	s.queue.close()
	<-s.done
	if err := s.release(); err != nil {
		t.Fatal(err)
	}

	var log strings.Builder
	s, err := Open(t.Context(), Config{Path: path, Clock: clock.NewFake(testTime), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.checking.Wait()
	if n := s.Problems(); n != 2 { // the end is missing, and two deliveries wait for it
		t.Errorf("%d problems were found; want 2\n%s", n, &log)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "have no call.completed") {
		t.Errorf("the log says\n%s", &log)
	}
}

func overwrite(t *testing.T, file string, at int64, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		t.Fatal(err)
	}
}

func mustBeEmpty(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Errorf("%s is left in the directory", e.Name())
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
