package recordings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
)

const (
	uploadPattern = ".upload-*"
	staleUpload   = 24 * time.Hour
)

// files keeps clips under dir, named by the hash of their bytes: dir/ab/ab….wav.
// A file is written once and never changed.
type files struct{ dir string }

// prepare makes the directory and clears what uploads left behind in a crash.
// Young files may belong to another process that shares the directory.
func (f files) prepare(now time.Time) error {
	if err := os.MkdirAll(f.dir, 0o750); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(f.dir, uploadPattern))
	if err != nil {
		return err
	}
	half, err := filepath.Glob(filepath.Join(f.dir, clipPattern))
	if err != nil {
		return err
	}
	for _, name := range append(left, half...) {
		if st, err := os.Stat(name); err == nil && now.Sub(st.ModTime()) > staleUpload {
			os.Remove(name)
		}
	}
	return nil
}

// put moves a finished file of dir to its place under key; the caller has hashed
// it. It is durable, directory entry included, when put returns.
func (f files) put(tmp *os.File, key string) error {
	name := f.path(key)
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	return errors.Join(syncDir(folder), syncDir(f.dir))
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// path is where the clip with this key lies. The caller has checked the key.
func (f files) path(key string) string { return filepath.Join(f.dir, key[:2], key+".wav") }

func validHash(sha string) bool {
	b, err := hex.DecodeString(sha)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == sha
}

// Open gives the canonical WAV of rec for download. The caller closes it. Errors
// are *calls.Error: not-found where the file is gone.
func (l *Library) Open(_ context.Context, rec *calls.Recording) (io.ReadSeekCloser, error) {
	if !validHash(rec.SHA256) {
		return nil, calls.Errorf(calls.CodeNotFound, "the recording has no audio")
	}
	return l.open(rec.SHA256)
}

// OpenWide gives the 16 kHz form of rec likewise; not-found, too, where there is
// none.
func (l *Library) OpenWide(_ context.Context, rec *calls.Recording) (io.ReadSeekCloser, error) {
	if !validHash(rec.SHA256) || !validHash(rec.WideSHA256) {
		return nil, calls.Errorf(calls.CodeNotFound, "the recording has no 16 kHz form: it was uploaded with less")
	}
	return l.open(wideKey(rec.SHA256, rec.WideSHA256))
}

func (l *Library) open(key string) (io.ReadSeekCloser, error) {
	f, err := os.Open(l.files.path(key))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &calls.Error{Code: calls.CodeNotFound, Detail: "the audio of this recording is missing from the disk: restore it from a backup", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("open clip: %w", err)
	}
	return f, nil
}

// Load reads the clip with this hash as 8 kHz mono samples and verifies that it
// is what was approved, byte for byte.
func (l *Library) Load(sha string) ([]int16, error) { return l.load(sha, sha) }

// LoadWide reads the 16 kHz form of the clip sha, whose own hash is wide, and
// verifies it likewise.
func (l *Library) LoadWide(sha, wide string) ([]int16, error) {
	if !validHash(sha) {
		return nil, fmt.Errorf("load clip: %q is not a hash", sha)
	}
	return l.load(wideKey(sha, wide), wide)
}

func (l *Library) load(key, sha string) ([]int16, error) {
	if !validHash(sha) {
		return nil, fmt.Errorf("load clip: %q is not a hash", sha)
	}
	b, err := os.ReadFile(l.files.path(key))
	if err != nil {
		return nil, fmt.Errorf("load clip: %w", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha {
		return nil, fmt.Errorf("load clip %s: the file was changed on disk: restore it from a backup", sha)
	}
	return audio.Samples(b)
}
