package dialer

import (
	"bytes"
	"cmp"
)

// pile is a heap of entries that can be removed from the middle. Each keeps the
// positions of its entries under its own index of entry.pos.
type pile struct {
	slab *slab
	slot int
	less func(a, b *entry) bool
	list []uint32
}

// The indices of entry.pos.
const (
	byPlace    = 0 // in the pile it lies in
	byDeadline = 1 // in the pile of deadlines
)

func soonestFirst(a, b *entry) bool { return a.next < b.next }

func deadlineFirst(a, b *entry) bool { return a.notAfter < b.notAfter }

// urgentFirst: priority, then the longest due, then the oldest (ids grow with time).
func urgentFirst(a, b *entry) bool {
	return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.due, b.due), bytes.Compare(a.key[:], b.key[:])) < 0
}

// head is the first entry, 0 where there is none.
func (p *pile) head() uint32 {
	if len(p.list) == 0 {
		return 0
	}
	return p.list[0]
}

func (p *pile) add(i uint32) {
	p.list = append(p.list, i)
	p.place(len(p.list)-1, i)
	p.up(len(p.list) - 1)
}

func (p *pile) remove(i uint32) {
	at, last := int(p.slab.at(i).pos[p.slot]), len(p.list)-1
	moved := p.list[last]
	p.list = p.list[:last]
	if at == last {
		return
	}
	p.place(at, moved)
	if !p.up(at) {
		p.down(at)
	}
}

func (p *pile) place(at int, i uint32) {
	p.list[at] = i
	p.slab.at(i).pos[p.slot] = uint32(at)
}

func (p *pile) before(a, b int) bool { return p.less(p.slab.at(p.list[a]), p.slab.at(p.list[b])) }

func (p *pile) swap(a, b int) {
	i, j := p.list[a], p.list[b]
	p.place(a, j)
	p.place(b, i)
}

// up moves an entry towards the head; false where it stays.
func (p *pile) up(at int) (moved bool) {
	for at > 0 {
		parent := (at - 1) / 2
		if !p.before(at, parent) {
			break
		}
		p.swap(at, parent)
		at, moved = parent, true
	}
	return moved
}

func (p *pile) down(at int) {
	for {
		least := 2*at + 1
		if least >= len(p.list) {
			return
		}
		if right := least + 1; right < len(p.list) && p.before(right, least) {
			least = right
		}
		if !p.before(least, at) {
			return
		}
		p.swap(at, least)
		at = least
	}
}
