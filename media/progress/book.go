package progress

import (
	"math/bits"

	"zvonar/media/amd"
	"zvonar/media/spectrum"
)

// Announcement is one that a Book knows.
type Announcement struct {
	ID      string
	Title   string
	Meaning string
	Print   Fingerprint
}

// Book finds announcements by what they sound like. It never changes and may be
// shared; nil knows none.
type Book struct {
	list  []Announcement
	first []int32    // of each announcement in words
	owner []int32    // announcement of each word
	words []uint32   // of all announcements, one after another
	sound []bool     // of each word
	index [2][]int32 // first posting of each half word; one more at the end
	posts [2][]int32 // places of the half words
}

// commonest is how often a half word may stand in a book at most to be looked up:
// one that stands everywhere tells nothing.
const commonest = 48

// NewBook makes a book of announcements.
func NewBook(list []Announcement) *Book {
	if len(list) == 0 {
		return nil
	}
	b := &Book{list: list}
	for i, a := range list {
		b.first = append(b.first, int32(len(b.words)))
		b.words = append(b.words, a.Print.words...)
		b.sound = append(b.sound, a.Print.sound...)
		for range a.Print.words {
			b.owner = append(b.owner, int32(i))
		}
	}
	for half := range b.index {
		b.index[half], b.posts[half] = b.sort(half)
	}
	return b
}

// sort lays the places of one half of all words out by that half.
func (b *Book) sort(half int) (index, posts []int32) {
	index = make([]int32, 1<<pairs+1)
	for i, w := range b.words {
		if b.sound[i] {
			index[key(w, half)+1]++
		}
	}
	for k := range 1 << pairs {
		index[k+1] += index[k]
	}
	posts = make([]int32, index[1<<pairs])
	next := append([]int32(nil), index...)
	for i, w := range b.words {
		if b.sound[i] {
			k := key(w, half)
			posts[next[k]] = int32(i)
			next[k]++
		}
	}
	return index, posts
}

func key(w uint32, half int) int { return int(w >> (pairs * half) & (1<<pairs - 1)) }

// How a match is found and judged. A word has 32 bits; two sounds that have nothing
// to do with each other differ in 16 of them.
const (
	searchEvery = 2    // words: one in two is looked up
	remember    = 64   // words that were heard, to look back at
	lookBack    = 12   // words with sound that a place in the book must fit at first
	firstFit    = 0.27 // share of bits that may differ there
	tracks      = 8    // places followed at once
	lost        = 0.36 // share of the last words' bits beyond which a place is given up
	lostAfter   = 16   // words
	apartFrom   = 0.05 // by which another meaning must fit worse
)

// enough says how long a match must be for how many bits may differ.
var enough = [...]struct {
	words int
	share float64
}{{28, 0.11}, {36, 0.15}, {50, 0.19}, {75, 0.22}, {125, 0.25}}

// finder looks for the announcements of a book in what one leg hears.
type finder struct {
	book    *Book
	printer printer
	audible audible

	heard [remember]uint32
	sound [remember]bool
	n     int64 // words so far, with those that were missed
	from  int64 // sample at which word 0 began
	track [tracks]place
	told  int32 // announcement that was told last, -1 for none
}

// place is one place in the book that what is heard may be at.
type place struct {
	offset int64 // of the book against n
	since  int64 // n of its first word
	used   bool
	words  int
	errors int
	recent float64 // share of the last words' bits that differ
}

func newFinder(b *Book) *finder { return &finder{book: b, told: -1, from: -1} }

// take hears a frame.
func (f *finder) take(fr *spectrum.Frame) (amd.Finding, bool) {
	w, ok := f.printer.take(fr)
	if !ok {
		return amd.Finding{}, false
	}
	if f.from < 0 {
		f.from = fr.At
	}
	for at := (fr.At - f.from) / printWord; f.n < at; f.n++ { // words that were missed
		f.sound[f.n%remember] = false
	}
	is := f.audible.is(w.loud)
	f.heard[f.n%remember], f.sound[f.n%remember] = w.bits, is
	f.n++
	if !is {
		return amd.Finding{}, false
	}
	f.follow(w.bits)
	if f.n%searchEvery == 0 {
		f.search(&w)
	}
	return f.judge(fr.At)
}

// follow compares the newest word with the places that are followed.
func (f *finder) follow(heard uint32) {
	for i := range f.track {
		t := &f.track[i]
		if !t.used {
			continue
		}
		at := f.n - 1 + t.offset
		owner := f.book.owner[t.since+t.offset]
		if at >= int64(len(f.book.words)) || f.book.owner[at] != owner {
			t.used = false // the announcement is over
			continue
		}
		if !f.book.sound[at] {
			continue
		}
		e := bits.OnesCount32(heard ^ f.book.words[at])
		t.words++
		t.errors += e
		t.recent += (float64(e)/32 - t.recent) / lostAfter
		if t.recent > lost {
			t.used = false
		}
	}
}

// search looks the newest word up: both halves, as they are and with their weak
// bits turned.
func (f *finder) search(w *word) {
	for half := range 2 {
		shift := pairs * half
		a, b := uint32(1)<<(int(w.weak[half][0])+shift), uint32(1)<<(int(w.weak[half][1])+shift)
		for _, flip := range [...]uint32{0, a, b, a | b} {
			k := key(w.bits^flip, half)
			posts := f.book.posts[half][f.book.index[half][k]:f.book.index[half][k+1]]
			if len(posts) > commonest {
				continue
			}
			for _, at := range posts {
				f.consider(int64(at))
			}
		}
	}
}

// consider begins to follow a place of the book if what was heard before fits it.
func (f *finder) consider(at int64) {
	offset := at - (f.n - 1)
	free, worst := -1, 0.0
	for i := range f.track {
		t := &f.track[i]
		switch {
		case !t.used:
			free, worst = i, 2
		case t.offset >= offset-1 && t.offset <= offset+1:
			return // followed already, or its neighbour is
		case t.share() > worst:
			free, worst = i, t.share()
		}
	}
	p := place{offset: offset, used: true}
	first := int64(f.book.first[f.book.owner[at]])
	for n := f.n - 1; n >= max(0, f.n-remember) && n+offset >= first && p.words < remember; n-- {
		if !f.sound[n%remember] || !f.book.sound[n+offset] {
			continue
		}
		p.words++
		p.errors += bits.OnesCount32(f.heard[n%remember] ^ f.book.words[n+offset])
		p.since = n
		if p.words == lookBack && p.share() > firstFit {
			return
		}
		if p.words > lookBack && p.share() > firstFit {
			break // it began here
		}
	}
	if p.words < lookBack || p.share() > firstFit || p.share() >= worst {
		return
	}
	p.recent = p.share()
	f.track[free] = p
}

func (p *place) share() float64 { return float64(p.errors) / float64(32*max(1, p.words)) }

// judge tells the announcement that fits for long enough, unless one of another
// meaning fits nearly as well so far.
func (f *finder) judge(now int64) (amd.Finding, bool) {
	best := -1
	for i := range f.track {
		t := &f.track[i]
		if t.used && t.fits() && (best < 0 || t.share() < f.track[best].share()) {
			best = i
		}
	}
	if best < 0 {
		return amd.Finding{}, false
	}
	t := &f.track[best]
	who := f.book.owner[t.since+t.offset]
	a := &f.book.list[who]
	for i := range f.track {
		o := &f.track[i]
		if o.used && i != best && f.book.list[f.book.owner[o.since+o.offset]].Meaning != a.Meaning &&
			o.words >= lookBack && o.share() < t.share()+apartFrom {
			return amd.Finding{}, false
		}
	}
	if f.told == who {
		return amd.Finding{}, false
	}
	f.told = who
	from := f.from + t.since*printWord - (smooth+farLag)*spectrum.Hop
	return amd.Finding{
		Kind: amd.Known, Detail: a.Title, Meaning: a.Meaning, From: max(0, from), To: now + spectrum.Window,
		Confidence: 1 - t.share(),
	}, true
}

// fits reports whether a place fits well enough for its length.
func (p *place) fits() bool {
	for _, e := range enough {
		if p.words >= e.words && p.share() <= e.share {
			return true
		}
	}
	return false
}
