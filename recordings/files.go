package recordings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
	"zvonar/recordings/s3"
)

const (
	uploadPattern = ".upload-*"
	staleUpload   = 24 * time.Hour
)

// Remote is a storage that several nodes share; s3.Client has its methods. A
// missing object is fs.ErrNotExist.
type Remote interface {
	// Put stores size bytes of r, whose hex SHA-256 is hash; they are durable when
	// it returns.
	Put(ctx context.Context, key string, r io.Reader, size int64, hash string) error
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, see func(s3.Object) error) error
}

// remoteTimeout bounds one exchange with the shared storage.
const remoteTimeout = time.Minute

// files keeps clips under dir, named by the hash of their bytes: dir/ab/ab….wav.
// A file is written once and never changed. Where there is a remote storage it
// has every clip, and dir those that this node took in or played.
type files struct {
	dir    string
	remote Remote // nil: none
	cache  bool   // what is lost is made again: nothing is synced
}

// prepare makes the directory and clears what uploads left behind in a crash.
// Young files may belong to another process that shares the directory.
func (f files) prepare(now time.Time) error {
	if err := os.MkdirAll(f.dir, 0o750); err != nil {
		return err
	}
	if err := f.putBack(); err != nil {
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
	if f.cache {
		return os.Rename(tmp.Name(), name)
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	if err := errors.Join(syncDir(folder), syncDir(f.dir)); err != nil || f.remote == nil {
		return err
	}
	return f.share(tmp, key)
}

// share copies a file to the remote storage.
func (f files) share(file *os.File, key string) error {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), remoteTimeout)
	defer cancel()
	return f.remote.Put(ctx, remoteName(key), io.NewSectionReader(file, 0, size), size, hashOf(key))
}

// open opens a clip; where it is not here it is fetched from the remote storage.
func (f files) open(key string) (*os.File, error) {
	file, err := os.Open(f.path(key))
	if f.remote == nil || !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if err := f.fetch(key); err != nil {
		return nil, err
	}
	return os.Open(f.path(key))
}

// fetch brings a clip here, if it is what its name says.
func (f files) fetch(key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), remoteTimeout)
	defer cancel()
	from, err := f.remote.Get(ctx, remoteName(key))
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // only read
	tmp, err := os.CreateTemp(f.dir, clipPattern)
	if err != nil {
		return err
	}
	defer discard(tmp) // gone already where all went well
	sum := sha256.New()
	if _, err := io.Copy(tmp, io.TeeReader(io.LimitReader(from, maxClipBytes), sum)); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != hashOf(key) {
		return fmt.Errorf("the clip %s in the object storage is not what its name says: restore it from a backup", key)
	}
	return files{dir: f.dir}.put(tmp, key)
}

// maxClipBytes is more than the longest clip has.
const maxClipBytes = 64 << 20

// hashOf is the hash of the file that lies under key.
func hashOf(key string) string { return key[len(key)-2*sha256.Size:] }

// remoteName is the key of a clip in the remote storage, as its name is here.
func remoteName(key string) string { return key[:2] + "/" + key + ".wav" }

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
	f, err := l.files.open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &calls.Error{Code: calls.CodeNotFound, Detail: "the audio of this recording is missing from the storage: restore it from a backup", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("open clip: %w", err)
	}
	return f, nil
}

// Load reads the clip with this hash as 8 kHz mono samples and verifies that it
// is what was approved, byte for byte.
func (l *Library) Load(sha string) ([]int16, error) { return l.files.load(sha, sha) }

// LoadWide reads the 16 kHz form of the clip sha, whose own hash is wide, and
// verifies it likewise.
func (l *Library) LoadWide(sha, wide string) ([]int16, error) {
	if !validHash(sha) {
		return nil, fmt.Errorf("load clip: %q is not a hash", sha)
	}
	return l.files.load(wideKey(sha, wide), wide)
}

func (f files) load(key, sha string) ([]int16, error) {
	if !validHash(sha) {
		return nil, fmt.Errorf("load clip: %q is not a hash", sha)
	}
	file, err := f.open(key)
	if err != nil {
		return nil, fmt.Errorf("load clip: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxClipBytes))
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("load clip: %w", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha {
		return nil, fmt.Errorf("load clip %s: the file was changed on disk: restore it from a backup", sha)
	}
	return audio.Samples(b)
}
