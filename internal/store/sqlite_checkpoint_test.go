package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// TestTheLogIsCopiedBesideTheWriter writes less than the writer's own checkpoint
// begins with, and more than may lie uncopied.
func TestTheLogIsCopiedBesideTheWriter(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	shm, err := os.Open(filepath.Clean(s.cfg.Path) + "-shm")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shm.Close() }()
	value, n := strings.Repeat("x", 2000), 0
	for uncopied(shm) < checkpointFrames {
		update(t, s, func(tx calls.Tx) error {
			for range 500 {
				n++
				id := fmt.Sprint("wh_", n)
				if err := tx.PutWebhook(&calls.Webhook{ID: id, Account: "main", URL: value}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	deadline := time.Now().Add(time.Minute)
	for uncopied(shm) >= checkpointFrames {
		if time.Now().After(deadline) {
			t.Fatalf("%d pages of the log are still not copied", uncopied(shm))
		}
		time.Sleep(checkpointLook)
	}
}

// TestALongUnitMakesWayForOthers adds contacts while a fact waits to be told.
func TestALongUnitMakesWayForOthers(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	update(t, s, func(tx calls.Tx) error { return tx.InsertCampaign(&calls.Campaign{ID: "camp_1", Account: "main"}) })
	var list []*calls.Contact
	for i := range 10 * rowsAtOnce {
		list = append(list, &calls.Contact{Number: fmt.Sprintf("7900000%04d", i)})
	}
	told := make(chan error, 1)
	var first int
	update(t, s, func(tx calls.Tx) (err error) {
		s.Observe(func(calls.Tx) error { return nil }, func(err error) { told <- err })
		first, _, err = tx.AddContacts("main", "camp_1", list)
		return err
	})
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if first != rowsAtOnce {
		t.Errorf("%d contacts were added while somebody waited, want one statement of %d", first, rowsAtOnce)
	}
	update(t, s, func(tx calls.Tx) error {
		taken, added, err := tx.AddContacts("main", "camp_1", list[first:])
		if taken != len(list)-first || added != taken {
			t.Errorf("of the rest %d were looked at and %d added", taken, added)
		}
		return err
	})
	view(t, s, func(tx calls.ReadTx) error {
		last, err := tx.Contact("main", "camp_1", int64(len(list)))
		if err == nil && last.Number != list[len(list)-1].Number {
			t.Errorf("the last contact is %s", last.Number)
		}
		return err
	})
}
