package recordings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// What is read aloud for one call alone lies beside the library, found by what is
// said. It is a cache: nobody is told that it is there, and what is gone is
// spoken again before anybody is rung.
const (
	renderedDir = "spoken"
	indexDir    = "index"
	// renderedLife is how long it lies after a call played it last: it holds names
	// and sums of people.
	renderedLife  = 24 * time.Hour
	renderedBytes = 1 << 30
	// freshRendered is left alone where space is short: somebody is about to play it.
	freshRendered = 10 * time.Minute
)

// renderedIndex says which content says a text.
type renderedIndex struct {
	SHA256     string `json:"sha256"`
	WideSHA256 string `json:"wide_sha256,omitempty"`
	DurationMS int64  `json:"duration_ms"`
}

// Fill is what a call pins of a recording: its content, or, where it is a text with
// variables, what is to be said with these values. Errors are *calls.Error:
// invalid-field at body.variables.NAME.
func (l *Library) Fill(rec *calls.Recording, values map[string]string) (calls.RecordingRef, error) {
	ref, t := rec.Ref(), rec.Template()
	if t == nil {
		return ref, nil
	}
	c, err := compile(t.Text, t.Variables)
	if err != nil {
		return ref, err
	}
	text, err := c.fill(values)
	if err != nil {
		return ref, err
	}
	if !l.speaks() {
		return ref, calls.Errorf(calls.CodeWrongState, "the recording is a text with variables, and no speech engine is configured: set recordings.tts.command or .url")
	}
	ref.SHA256, ref.WideSHA256, ref.DurationMS = "", "", 0
	ref.Text, ref.Voice = text, string(c.language)+"-"+t.Voice
	return ref, nil
}

// LoadRef reads what ref pins: 8 kHz mono samples, and 16 kHz ones where it has
// them, each verified as Load does.
func (l *Library) LoadRef(ref calls.RecordingRef) (pcm, wide []int16, err error) {
	if name, is := strings.CutPrefix(ref.SHA256, signalPrefix); is {
		return signal(name), nil, nil
	}
	from := l.files
	if ref.Spoken() {
		from = l.rendered
	}
	if pcm, err = from.load(ref.SHA256, ref.SHA256); err != nil || ref.WideSHA256 == "" {
		return pcm, nil, err
	}
	// One whose 16 kHz form is lost is played in the narrow one, which is what was
	// approved, too.
	if wide, err = from.load(wideKey(ref.SHA256, ref.WideSHA256), ref.WideSHA256); err != nil {
		l.cfg.Log.Warn("the 16 kHz form of a recording cannot be read; it is played as 8 kHz", "recording", ref.RecordingID, "err", err)
		wide = nil
	}
	return pcm, wide, nil
}

// renderedKey names what is said, by whom.
func renderedKey(ref calls.RecordingRef) string {
	sum := sha256.Sum256([]byte(ref.Voice + "\x00" + ref.Text))
	return hex.EncodeToString(sum[:])
}

func (f files) indexPath(key string) string {
	return filepath.Join(f.dir, indexDir, key[:2], key+".json")
}

// find completes ref where its text lies spoken, and keeps that from growing old.
func (f files) find(ref calls.RecordingRef, now time.Time) (calls.RecordingRef, bool) {
	name := f.indexPath(renderedKey(ref))
	var x renderedIndex
	b, err := os.ReadFile(name)
	if err != nil || json.Unmarshal(b, &x) != nil || !validHash(x.SHA256) {
		return ref, false
	}
	ref.SHA256, ref.WideSHA256, ref.DurationMS = x.SHA256, x.WideSHA256, x.DurationMS
	for _, part := range append(f.parts(x), name) {
		if os.Chtimes(part, time.Time{}, now) != nil {
			return ref, false
		}
	}
	return ref, true
}

// parts are the files of a content.
func (f files) parts(x renderedIndex) []string {
	if !validHash(x.WideSHA256) {
		return []string{f.path(x.SHA256)}
	}
	return []string{f.path(x.SHA256), f.path(wideKey(x.SHA256, x.WideSHA256))}
}

// note writes down which content says the text of ref, once that lies there.
func (f files) note(ref calls.RecordingRef, p *product) error {
	b, err := json.Marshal(renderedIndex{SHA256: p.SHA256, WideSHA256: p.WideSHA256, DurationMS: p.Duration.Milliseconds()})
	if err != nil {
		return err
	}
	name := f.indexPath(renderedKey(ref))
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.dir, clipPattern)
	if err != nil {
		return err
	}
	defer discard(tmp) // gone already where all went well
	if _, err := tmp.Write(b); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// Forget removes what was read aloud for calls and was not played for a day, and
// of the rest what is more than the cache holds, the oldest first.
func (l *Library) Forget() (done Collected, err error) {
	now := l.cfg.Clock.Now()
	type file struct {
		name string
		fs.FileInfo
	}
	var list []file
	kept := int64(0)
	err = filepath.WalkDir(l.rendered.dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was spoken yet
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			list, kept = append(list, file{name, info}), kept+info.Size()
		}
		return err
	})
	slices.SortFunc(list, func(a, b file) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range list {
		age := now.Sub(f.ModTime())
		if age < freshRendered || age < renderedLife && kept <= renderedBytes {
			break
		}
		if e := os.Remove(f.name); e != nil {
			err = errors.Join(err, e)
			continue
		}
		kept -= f.Size()
		done.Files++
		done.Bytes += f.Size()
	}
	if err != nil {
		return done, fmt.Errorf("forget what was spoken for calls: %w", err)
	}
	return done, nil
}
