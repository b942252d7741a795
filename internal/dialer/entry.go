package dialer

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/oklog/ulid/v2"

	"zvonar/internal/calls"
)

// key is the id of a call in sixteen bytes: the ULID of "call_…", or a shorter id as
// it is.
type key [16]byte

const idPrefix = "call_"

// plainFrom is the least first byte of a key that is an id as it is; no ULID of this
// millennium begins with it.
const plainFrom = 0x20

var seed = maphash.MakeSeed()

// keyOf packs an id; packed is false where it is of neither form, and key a hash.
func keyOf(id string) (k key, packed bool) {
	if len(id) == len(idPrefix)+26 && id[:len(idPrefix)] == idPrefix {
		if u, err := ulid.ParseStrict(id[len(idPrefix):]); err == nil && idPrefix+u.String() == id && u[0] < plainFrom {
			return key(u), true
		}
	}
	if len(id) > 0 && len(id) <= len(k) && id[0] >= plainFrom && id[0] < 0x80 && id[len(id)-1] != 0 {
		copy(k[:], id)
		return k, true
	}
	k[0] = 0xff
	binary.LittleEndian.PutUint64(k[8:], maphash.String(seed, id))
	return k, false
}

// id is the text that keyOf packed.
func (k key) id() string {
	if k[0] < plainFrom {
		return idPrefix + ulid.ULID(k).String()
	}
	return string(bytes.TrimRight(k[:], "\x00"))
}

// entry is a queued call in 72 bytes; the store has the rest. Times are Unix
// microseconds, 0 is none.
type entry struct {
	key      key
	next     int64 // when to look at it (again)
	due      int64
	notAfter int64
	until    int64     // of the hold that was told
	pos      [2]uint32 // in the piles it lies in
	group    uint32
	clips    uint32 // the set of clips that it may play
	lane     uint16
	gate     gateNo // that was told; 0: none
	state    state
	priority int8
	examined bool // its gates were seen open since it became ready
	words    uint16
}

// told keeps what was told of the call.
func (e *entry) told(h calls.Hold) {
	e.gate, e.until, e.words = gateNoOf(h.Gate), microsOf(h.Until), wordsOf(h)
}

// news reports whether a hold was not told yet: another gate, or another end of it.
func (e *entry) news(h calls.Hold) bool {
	return e.gate != gateNoOf(h.Gate) || e.until != microsOf(h.Until) || e.words != wordsOf(h)
}

// wordsOf tells the words of a hold apart where they tell more than gate and end.
func wordsOf(h calls.Hold) uint16 {
	if h.Gate != calls.GateRecording {
		return 0
	}
	return uint16(maphash.String(seed, h.Text))
}

// state is where an entry lies.
type state uint8

const (
	gone    state = iota // it is free
	waiting              // by the time of the next look
	ready                // in its share of its lane
)

// gateNo is a gate in one byte.
type gateNo uint8

// gateNames are the gates that are told, by their number.
var gateNames = [...]calls.Gate{"", calls.GateWindow, calls.GateChannels, calls.GateCPS, calls.GateCap, calls.GateGap,
	calls.GateTrunkDown, calls.GatePaused, calls.GateRecording, calls.GateRetry}

func gateNoOf(g calls.Gate) gateNo {
	for i, name := range gateNames {
		if name == g {
			return gateNo(i)
		}
	}
	return 0
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func microsOf(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return micros(*t)
}

func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// chunk is how many entries are allocated at once.
const chunk = 4096

// slab holds entries by number. A number is free once its entry is dropped.
type slab struct {
	chunks []*[chunk]entry
	free   []uint32
	used   uint32 // numbers given out so far; 0 is never given
}

func (s *slab) at(i uint32) *entry { return &s.chunks[i/chunk][i%chunk] }

func (s *slab) take() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	s.used++
	if int(s.used/chunk) >= len(s.chunks) {
		s.chunks = append(s.chunks, new([chunk]entry))
	}
	return s.used
}

func (s *slab) drop(i uint32) {
	*s.at(i) = entry{}
	s.free = append(s.free, i)
}

// index finds entries by key: open addressing, four bytes a place.
type index struct {
	slab   *slab
	places []uint32 // 0: empty
	n      int
}

func (x *index) home(k key) int {
	h := binary.LittleEndian.Uint64(k[8:]) ^ binary.LittleEndian.Uint64(k[:8])*0x9e3779b97f4a7c15
	h *= 0xd6e8feb86659fd93
	return int((h ^ h>>32) & uint64(len(x.places)-1))
}

// find is the place of a key, or the empty one where it would lie.
func (x *index) find(k key) (place int, i uint32) {
	for place = x.home(k); x.places[place] != 0; place = (place + 1) & (len(x.places) - 1) {
		if x.slab.at(x.places[place]).key == k {
			return place, x.places[place]
		}
	}
	return place, 0
}

// get is the number of the entry with a key, 0 where there is none.
func (x *index) get(k key) uint32 {
	if x.n == 0 {
		return 0
	}
	_, i := x.find(k)
	return i
}

// put adds an entry whose key is not there.
func (x *index) put(i uint32) {
	if 4*(x.n+1) > 3*len(x.places) {
		old := x.places
		x.places = make([]uint32, max(64, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				place, _ := x.find(x.slab.at(o).key)
				x.places[place] = o
			}
		}
	}
	place, _ := x.find(x.slab.at(i).key)
	x.places[place] = i
	x.n++
}

// remove takes a key out; what lies behind it moves up, so that it is found still.
func (x *index) remove(k key) {
	hole, i := x.find(k)
	if i == 0 {
		return
	}
	x.n--
	mask := len(x.places) - 1
	for p := (hole + 1) & mask; x.places[p] != 0; p = (p + 1) & mask {
		home := x.home(x.slab.at(x.places[p]).key)
		if (p-home)&mask >= (p-hole)&mask {
			x.places[hole], hole = x.places[p], p
		}
	}
	x.places[hole] = 0
}
