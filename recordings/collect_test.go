package recordings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
	"zvonar/recordings/s3"
)

// bucket is a remote storage in memory.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	at      time.Time
	fail    error
}

func (b *bucket) Put(_ context.Context, key string, r io.Reader, size int64, hash string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(r)
	sum := sha256.Sum256(body)
	switch {
	case b.fail != nil:
		return b.fail
	case err != nil || int64(len(body)) != size || hex.EncodeToString(sum[:]) != hash:
		return errors.New("the body is not what was announced")
	}
	b.objects[key] = body
	return nil
}

func (b *bucket) Get(_ context.Context, key string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, ok := b.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (b *bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
}

func (b *bucket) List(_ context.Context, see func(s3.Object) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, body := range b.objects {
		if err := see(s3.Object{Key: key, Size: int64(len(body)), Modified: b.at}); err != nil {
			return err
		}
	}
	return nil
}

// shelf is a library over a real store, with a remote storage.
func shelf(t *testing.T) (*Library, *store.Store, *bucket) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "z.db"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b := &bucket{objects: map[string][]byte{}, at: time.Now()}
	l, err := New(Config{Store: st, Dir: filepath.Join(t.TempDir(), "clips"), Remote: b})
	if err != nil {
		t.Fatal(err)
	}
	return l, st, b
}

// age makes everything in both storages two days old.
func (b *bucket) age(t *testing.T, l *Library) {
	t.Helper()
	old := time.Now().Add(-48 * time.Hour)
	b.at = old
	list, err := l.files.list()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if err := os.Chtimes(l.files.path(f.key), old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func TestContentThatNobodyHasIsRemovedOnceItIsOld(t *testing.T) {
	t.Parallel()
	l, st, b := shelf(t)
	ctx := context.Background()
	kept, gone := add(t, l, 440), add(t, l, 500)
	if err := st.Update(ctx, func(tx calls.Tx) error { return tx.DeleteRecording("main", gone.ID) }); err != nil {
		t.Fatal(err)
	}
	if done, err := l.Collect(ctx, true); err != nil || done.Files != 0 {
		t.Errorf("young content: %+v, %v", done, err)
	}
	b.age(t, l)
	if done, err := l.Collect(ctx, false); err != nil || done.Files != 1 || len(b.objects) != 2 {
		t.Errorf("not the leader: %+v, %v, %d objects", done, err, len(b.objects))
	}
	done, err := l.Collect(ctx, true)
	if err != nil || done.Files != 1 || len(b.objects) != 1 {
		t.Errorf("the leader: %+v, %v, %d objects", done, err, len(b.objects))
	}
	if _, err := l.Load(kept.SHA256); err != nil {
		t.Error(err)
	}
	if _, err := l.Load(gone.SHA256); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}
	if again := add(t, l, 500); again.SHA256 != gone.SHA256 {
		t.Errorf("%+v", again)
	}
}

func TestContentIsRefusedWhileItIsBeingDeleted(t *testing.T) {
	t.Parallel()
	l, st, _ := shelf(t)
	ctx := context.Background()
	r := add(t, l, 440)
	err := st.Update(ctx, func(tx calls.Tx) error { return tx.DeleteRecording("main", r.ID) })
	if err == nil {
		err = st.Update(ctx, func(tx calls.Tx) error { _, err := tx.CondemnContent(r.SHA256, time.Now()); return err })
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Add(ctx, "main", "again", "bot", false, clip(440, 7*time.Second))
	wantCode(t, err, calls.CodeOverloaded)
	// A mark of a process that was killed is taken away by the next collection.
	err = st.Update(ctx, func(tx calls.Tx) error {
		_, err := tx.CondemnContent(r.SHA256, time.Now().Add(-2*staleMark))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Collect(ctx, true); err != nil {
		t.Fatal(err)
	}
	add(t, l, 440)
}

func TestAClipThatIsNotHereIsFetchedIfItIsWhatItsNameSays(t *testing.T) {
	t.Parallel()
	l, _, b := shelf(t)
	r := add(t, l, 440)
	want, err := l.Load(r.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	lose := func() {
		t.Helper()
		if err := os.Remove(l.files.path(r.SHA256)); err != nil {
			t.Fatal(err)
		}
	}
	lose() // as on another node, which never had it
	got, err := l.Load(r.SHA256)
	if err != nil || len(got) != len(want) {
		t.Errorf("%d samples, %v; want %d", len(got), err, len(want))
	}
	lose()
	b.objects[remoteName(r.SHA256)][100]++
	if _, err := l.Load(r.SHA256); err == nil {
		t.Error("a clip that was changed in the storage is played")
	}
	if left, _ := filepath.Glob(filepath.Join(l.files.dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestAnUploadThatCannotBeSharedIsNoRecording(t *testing.T) {
	t.Parallel()
	l, st, b := shelf(t)
	b.fail = errors.New("no space")
	if _, err := l.Add(context.Background(), "main", "x", "bot", false, clip(440, 7*time.Second)); !errors.Is(err, b.fail) {
		t.Errorf("%v", err)
	}
	err := st.View(t.Context(), func(tx calls.ReadTx) error {
		rows, err := tx.Recordings(calls.RecordingFilter{})
		if len(rows) != 0 {
			t.Errorf("%d rows", len(rows))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatARemovalThatWasKilledPutAsideComesBack(t *testing.T) {
	t.Parallel()
	l, _, _ := shelf(t)
	l.cfg.Remote, l.files.remote = nil, nil
	r := add(t, l, 440)
	if err := os.Rename(l.files.path(r.SHA256), filepath.Join(l.files.dir, asidePrefix+r.SHA256)); err != nil {
		t.Fatal(err)
	}
	if err := l.files.prepare(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(r.SHA256); err != nil {
		t.Error(err)
	}
}

func TestRetentionDeletesWhatWasRefusedLongAgoAndNoCallWaitsFor(t *testing.T) {
	t.Parallel()
	l, st, _ := shelf(t)
	ctx := context.Background()
	refused, archived, waited, approved := add(t, l, 440), add(t, l, 500), add(t, l, 600), add(t, l, 700)
	step := func(_ *calls.Recording, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(l.Reject(ctx, by("anna", refused)))
	for _, r := range []*calls.Recording{archived, waited, approved} {
		step(l.Approve(ctx, by("anna", r)))
	}
	step(l.Archive(ctx, by("anna", archived)))
	step(l.Archive(ctx, by("anna", waited)))
	call := &calls.Call{ID: "call_1", Account: "main", Status: calls.StatusQueued, To: "79161234567", CreatedAt: time.Now(), DueAt: time.Now()}
	call.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1": waited.Ref()}
	if err := st.Update(ctx, func(tx calls.Tx) error { return tx.InsertCall(call) }); err != nil {
		t.Fatal(err)
	}
	there := func() (ids map[string]bool) {
		ids = map[string]bool{}
		if err := l.pages(ctx, calls.RecordingFilter{Limit: 2}, func(r *calls.Recording) { ids[r.ID] = true }); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	k := NewKeeper(KeeperConfig{Library: l, Keep: time.Hour})
	if err := k.Sweep(ctx); err != nil || len(there()) != 4 {
		t.Fatalf("%v; %v: nothing is old enough", err, there())
	}
	l.cfg.Clock = clock.NewFake(time.Now().Add(2 * time.Hour))
	if err := k.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if ids := there(); len(ids) != 2 || !ids[waited.ID] || !ids[approved.ID] {
		t.Errorf("left: %v", ids)
	}
}
