package recordings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"zvonar/internal/calls"
)

const (
	uploadPattern = ".upload-*"
	staleUpload   = 24 * time.Hour

	sampleRate = 8000 // of everything stored
	headerLen  = 44
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
	for _, name := range left {
		if st, err := os.Stat(name); err == nil && now.Sub(st.ModTime()) > staleUpload {
			os.Remove(name)
		}
	}
	return nil
}

// put stores samples as a canonical WAV and returns its hash. It is durable,
// directory entry included, when put returns.
func (f files) put(pcm []int16) (sha string, err error) {
	b := canonical(pcm)
	sum := sha256.Sum256(b)
	sha = hex.EncodeToString(sum[:])
	name := f.path(sha)
	if have, err := os.ReadFile(name); err == nil && bytes.Equal(have, b) {
		return sha, nil
	}
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(folder, ".clip-*")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return "", err
	}
	return sha, errors.Join(syncDir(folder), syncDir(f.dir))
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// path is where the clip with this hash lies. The caller has checked the hash.
func (f files) path(sha string) string { return filepath.Join(f.dir, sha[:2], sha+".wav") }

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
	f, err := os.Open(l.files.path(rec.SHA256))
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
func (l *Library) Load(sha string) ([]int16, error) {
	if !validHash(sha) {
		return nil, fmt.Errorf("load clip: %q is not a hash", sha)
	}
	b, err := os.ReadFile(l.files.path(sha))
	if err != nil {
		return nil, fmt.Errorf("load clip: %w", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha || len(b) < headerLen {
		return nil, fmt.Errorf("load clip %s: the file was changed on disk: restore it from a backup", sha)
	}
	b = b[headerLen:]
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm, nil
}

// canonical writes samples as the one form that is stored: 8 kHz, 16 bit, mono.
func canonical(pcm []int16) []byte {
	b := append(make([]byte, 0, headerLen+2*len(pcm)), wavHeader(1, sampleRate, 16, uint32(2*len(pcm)))...)
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// wavHeader is the 44-byte header of integer PCM.
func wavHeader(channels uint16, rate uint32, bits uint16, dataLen uint32) []byte {
	le := binary.LittleEndian
	align := channels * (bits / 8)
	b := append(make([]byte, 0, headerLen), "RIFF"...)
	b = le.AppendUint32(b, headerLen-8+dataLen)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, tagPCM)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(align))
	b = le.AppendUint16(b, align)
	b = le.AppendUint16(b, bits)
	b = append(b, "data"...)
	return le.AppendUint32(b, dataLen)
}
