package numbering

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the machine may have no zone files
)

//go:embed data/numbering_ru.csv.gz
var embedded []byte

const (
	maxPlanBytes = 64 << 20 // decompressed
	maxPlanRows  = 1_000_000
)

// Plan is the table of national number ranges under +7: an immutable sorted
// array, sixteen bytes a range. Make one with [LoadPlan].
type Plan struct {
	ranges []span
	places []place // distinct (zones, kind)
	ru, kz []string
}

type span struct {
	from  uint64 // first national number
	count uint32 // how many follow it in the range
	place uint32 // index into Plan.places
}

type place struct {
	kind  Kind
	zones []string
}

var builtin = sync.OnceValue(func() *Plan {
	p, err := LoadPlan(bytes.NewReader(embedded))
	if err != nil {
		// The bytes are compiled in and a test parses them.
		panic("numbering: embedded plan: " + err.Error())
	}
	return p
})

// LoadPlan reads a plan of the format that data/README.md describes, plain or
// gzip. Every row is checked; an error names the line.
func LoadPlan(r io.Reader) (*Plan, error) {
	br := bufio.NewReader(r)
	var src io.Reader = br
	if magic, _ := br.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zr, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("numbering plan: %w", err)
		}
		src = zr
	}
	c := csv.NewReader(io.LimitReader(src, maxPlanBytes))
	c.FieldsPerRecord, c.ReuseRecord = 5, true
	b := planBuilder{plan: &Plan{}, index: map[string]uint32{}}
	for header := true; ; header = false {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return b.finish()
		}
		if err != nil { // says the line itself
			return nil, fmt.Errorf("numbering plan: %w", err)
		}
		if header {
			continue
		}
		if err := b.add(row); err != nil {
			line, _ := c.FieldPos(0)
			return nil, fmt.Errorf("numbering plan, line %d: %w", line, err)
		}
	}
}

type planBuilder struct {
	plan  *Plan
	index map[string]uint32 // tz + kind → place
}

func (b *planBuilder) add(row []string) error {
	p := b.plan
	if len(p.ranges) >= maxPlanRows {
		return fmt.Errorf("more than %d rows", maxPlanRows)
	}
	from, err1 := strconv.ParseUint(row[0], 10, 64)
	to, err2 := strconv.ParseUint(row[1], 10, 64)
	switch {
	case err1 != nil, err2 != nil, len(row[0]) != 10, len(row[1]) != 10:
		return errors.New("prefix_from and prefix_to must be numbers of ten digits")
	case to < from, to-from > 1_000_000_000:
		return errors.New("prefix_to must not be less than prefix_from, nor more than a thousand million above it")
	case len(p.ranges) > 0 && from <= p.ranges[len(p.ranges)-1].last():
		return errors.New("rows must be sorted by number and must not overlap")
	}
	at, err := b.place(row[3], row[4])
	if err != nil {
		return err
	}
	p.ranges = append(p.ranges, span{from: from, count: uint32(to - from), place: at})
	return nil
}

func (b *planBuilder) place(tz, kind string) (uint32, error) {
	key := tz + "," + kind
	if i, ok := b.index[key]; ok {
		return i, nil
	}
	if kind != string(KindMobile) && kind != string(KindFixed) {
		return 0, errors.New("kind must be mobile or fixed")
	}
	zones := strings.Split(strings.Clone(tz), "|")
	for _, z := range zones {
		if _, err := location(z); err != nil {
			return 0, fmt.Errorf("time zone %q is not known", z)
		}
	}
	i := uint32(len(b.plan.places))
	b.plan.places = append(b.plan.places, place{kind: Kind(strings.Clone(kind)), zones: zones})
	b.index[strings.Clone(key)] = i
	return i, nil
}

// finish collects the zones of either country, for numbers that no row contains.
func (b *planBuilder) finish() (*Plan, error) {
	p := b.plan
	if len(p.ranges) == 0 {
		return nil, errors.New("numbering plan: it has no rows")
	}
	p.ranges = slices.Clip(p.ranges)
	for _, s := range p.ranges {
		all := &p.ru
		if first := s.from / 1_000_000_000; first == 6 || first == 7 {
			all = &p.kz
		}
		for _, z := range p.places[s.place].zones {
			if !slices.Contains(*all, z) {
				*all = append(*all, z)
			}
		}
	}
	return p, nil
}

func (s span) last() uint64 { return s.from + uint64(s.count) }

// find looks a ten-digit national number up.
func (p *Plan) find(national uint64) (place, bool) {
	i := sort.Search(len(p.ranges), func(i int) bool { return p.ranges[i].from > national }) - 1
	if i < 0 || national > p.ranges[i].last() {
		return place{}, false
	}
	return p.places[p.ranges[i].place], true
}

// locations caches what time.LoadLocation parses anew on every call. Only names
// that exist are kept, so it is bounded by the zone database.
var locations sync.Map // string → *time.Location

func location(zone string) (*time.Location, error) {
	if l, ok := locations.Load(zone); ok {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	locations.Store(zone, l)
	return l, nil
}
