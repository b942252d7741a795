package trace

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// segmentMost is how large a segment grows; a small shelf has smaller ones.
const segmentMost = 16 << 20

// place is where in a segment a record with some key lies.
type place struct {
	hash uint64
	at   uint32
}

const placeSize = 12

// segment is one file of records. Its index lies beside it once it is full.
type segment struct {
	path string
	from time.Time // of its first record
	size int64
}

func (s segment) index() string { return strings.TrimSuffix(s.path, ".seg") + ".idx" }

// shelf is the directory of segments; it belongs to the writer's goroutine.
type shelf struct {
	cfg     Config
	metrics *metrics
	full    []segment // oldest first, all with an index
	open    *os.File  // nil: none
	last    segment   // the one that is open
	places  []place   // of the one that is open
	total   int64     // of the full ones
}

// openShelf finds what is there and mends what a crash left without an index.
func openShelf(cfg Config, m *metrics) (*shelf, error) {
	s := &shelf{cfg: cfg, metrics: m}
	if cfg.MaxBytes <= 0 {
		return s, nil
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the directory of traces cannot be made: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(cfg.Dir, "*.seg"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, path := range names {
		micros, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".seg"), 10, 64)
		info, err2 := os.Stat(path)
		if err != nil || err2 != nil {
			continue // nothing of ours
		}
		seg := segment{path: path, from: time.UnixMicro(micros).UTC(), size: info.Size()}
		if _, err := os.Stat(seg.index()); err != nil {
			if err := mend(&seg); err != nil {
				return nil, err
			}
		}
		s.full, s.total = append(s.full, seg), s.total+seg.size
	}
	s.trim(0)
	s.metrics.bytes.Set(float64(s.total))
	return s, nil
}

// mend cuts a segment behind its last whole record and makes its index.
func mend(seg *segment) error {
	b, err := os.ReadFile(seg.path)
	if err != nil {
		return err
	}
	places, whole := placesOf(b, 0)
	if whole < len(b) {
		if err := os.Truncate(seg.path, int64(whole)); err != nil {
			return err
		}
	}
	seg.size = int64(whole)
	return writeIndex(seg.index(), places)
}

// placesOf finds the records in b, which begins at an offset of its segment, and
// how far they are whole.
func placesOf(b []byte, offset int64) (places []place, whole int) {
	for {
		rec, n, err := parse(b[whole:])
		if err != nil {
			return places, whole
		}
		if rec.kind != kindErased {
			places = append(places, place{rec.hash, uint32(offset + int64(whole))})
		}
		whole += n
	}
}

func writeIndex(path string, places []place) error {
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.hash, b.hash) })
	b := make([]byte, 0, len(places)*placeSize)
	for _, p := range places {
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(b, p.hash), p.at)
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readIndex finds the places of a hash in an index file.
func readIndex(path string, hash uint64) ([]place, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := len(b) / placeSize
	at := func(i int) place {
		p := b[i*placeSize:]
		return place{binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint32(p[8:])}
	}
	low, high := 0, n
	for low < high {
		if mid := (low + high) / 2; at(mid).hash < hash {
			low = mid + 1
		} else {
			high = mid
		}
	}
	var found []place
	for ; low < n && at(low).hash == hash; low++ {
		found = append(found, at(low))
	}
	return found, nil
}

// segmentSize is how large a segment may grow.
func (s *shelf) segmentSize() int64 { return max(min(segmentMost, s.cfg.MaxBytes/8), 64<<10) }

// write appends whole records. What the disk refuses is lost, and the next write
// begins where the last whole one ended.
func (s *shelf) write(batch []byte) error {
	if s.cfg.MaxBytes <= 0 {
		return nil
	}
	places, _ := placesOf(batch, 0)
	err := s.put(batch, places)
	if err != nil {
		s.metrics.dropped.Add(float64(len(places)))
	}
	return err
}

func (s *shelf) put(batch []byte, places []place) error {
	if s.open != nil && s.last.size+int64(len(batch)) > s.segmentSize() {
		s.close()
	}
	if s.open == nil {
		if err := s.begin(batch); err != nil {
			return err
		}
	}
	if _, err := s.open.WriteAt(batch, s.last.size); err != nil {
		return err
	}
	for _, p := range places {
		s.places = append(s.places, place{p.hash, p.at + uint32(s.last.size)})
	}
	s.last.size += int64(len(batch))
	s.metrics.bytes.Set(float64(s.total + s.last.size))
	return nil
}

// begin opens a new segment that is named after its first record.
func (s *shelf) begin(batch []byte) error {
	s.trim(s.segmentSize())
	rec, _, err := parse(batch)
	if err != nil {
		return err
	}
	at := rec.at.UnixMicro()
	if n := len(s.full); n > 0 {
		at = max(at, s.full[n-1].from.UnixMicro()+1)
	}
	seg := segment{path: filepath.Join(s.cfg.Dir, fmt.Sprintf("%020d.seg", at)), from: time.UnixMicro(at).UTC()}
	f, err := os.OpenFile(seg.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.open, s.last, s.places = f, seg, nil
	return nil
}

// close ends the open segment and indexes it. Where that fails the next start
// mends it; until then it is not found.
func (s *shelf) close() {
	if s.open == nil {
		return
	}
	_ = s.open.Truncate(s.last.size) // what a refused write left behind
	_ = s.open.Close()
	if writeIndex(s.last.index(), s.places) == nil {
		s.full, s.total = append(s.full, s.last), s.total+s.last.size
	}
	s.open, s.places, s.last = nil, nil, segment{}
}

// trim drops the oldest segments until there is room for so much more.
func (s *shelf) trim(room int64) {
	for len(s.full) > 0 && s.total+room > s.cfg.MaxBytes {
		s.drop()
	}
}

// expire drops segments of which everything is too old.
func (s *shelf) expire(now time.Time) {
	if s.cfg.Retention <= 0 || s.cfg.MaxBytes <= 0 {
		return
	}
	before := now.Add(-s.cfg.Retention)
	if s.open != nil && s.last.from.Before(before) {
		s.close()
	}
	for len(s.full) > 0 && s.until(0).Before(before) {
		s.drop()
	}
	s.metrics.bytes.Set(float64(s.total + s.last.size))
}

// until is when the next segment begins, or when a full one was last written.
func (s *shelf) until(i int) time.Time {
	switch {
	case i+1 < len(s.full):
		return s.full[i+1].from
	case s.open != nil:
		return s.last.from
	}
	if info, err := os.Stat(s.full[i].path); err == nil {
		return info.ModTime()
	}
	return s.full[i].from
}

func (s *shelf) drop() {
	old := s.full[0]
	s.full, s.total = s.full[1:], s.total-old.size
	for _, path := range []string{old.path, old.index()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Log.Warn("an old trace cannot be removed", "file", path, "error", err)
		}
	}
}

// view is one segment as somebody reads it.
type view struct {
	segment
	until  time.Time
	places []place // of the open one; nil: its index says
}

// views are the segments with records between two times.
func (s *shelf) views(from, to time.Time) (list []view) {
	for i, seg := range s.full {
		if until := s.until(i); !seg.from.After(to) && !until.Before(from) {
			list = append(list, view{segment: seg, until: until})
		}
	}
	if s.open != nil && !s.last.from.After(to) {
		list = append(list, view{segment: s.last, places: slices.Clone(s.places)})
	}
	return list
}
