package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestAnErasedNumberIsInNoFileOfTheDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openTest(t, filepath.Join(dir, "zvonar.db"))
	defer closeStore(t, s)
	// Rows of others around and between, so that pages fill, split and move,
	// and each call is rewritten as often as a real one.
	for i := range 400 {
		number := fmt.Sprintf("7916%07d", i)
		if i%10 == 0 {
			number = erasedNumber
		}
		id := fmt.Sprintf("c%03d", i)
		aWholeCall(t, s, id, number, testTime.Add(-time.Hour))
		for range 5 {
			c := readCall(t, s, id)
			c.Metadata = append(c.Metadata[:len(c.Metadata)-1], `,"again":"`+number+`"}`...)
			update(t, s, func(tx calls.Tx) error { return tx.UpdateCall(c) })
		}
	}
	update(t, s, func(tx calls.Tx) error {
		e := calls.NewEvent("b1", testTime, "number:"+erasedNumber, calls.NumberBlocked, map[string]string{"number": erasedNumber})
		_, err := tx.Block(calls.BlockEntry{Account: "main", Number: erasedNumber})
		return errors.Join(err, tx.AppendEvent(&e), tx.Audit(calls.AuditEntry{Account: "main", Object: "number:" + erasedNumber}))
	})
	if found(t, dir, erasedNumber) == 0 {
		t.Fatal("the test looks in the wrong place")
	}
	n := eraseAll(t, s, calls.Erasure{ID: "era_1", Account: "main", Number: erasedNumber, Unblock: true, At: testTime})
	if n.Calls != 40 || n.Events != 121 {
		t.Errorf("erased %+v", n)
	}
	if err := s.Scrub(context.Background(), erasedNumber); err != nil {
		t.Fatal(err)
	}
	if left := found(t, dir, erasedNumber); left > 0 {
		t.Errorf("the number stands in the files %d times", left)
	}
	var whole string
	if err := s.writer.query(t.Context(), func(sc scanner) error { return sc.Scan(&whole) }, "PRAGMA integrity_check"); err != nil || whole != "ok" {
		t.Errorf("the wiped database is damaged: %s, %v", whole, err)
	}
	if found(t, dir, "79160000001") == 0 {
		t.Error("others are gone")
	}
}

// found counts word in all files of a folder.
func found(t *testing.T, dir, word string) (n int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(b, []byte(word))
	}
	return n
}
