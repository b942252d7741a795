package progress

import (
	"slices"

	"zvonar/media/amd"
	"zvonar/media/spectrum"
)

// How sure a finding is.
const (
	certain = 0.98
	likely  = 0.7 // a cadence of which one period was heard only
	perhaps = 0.5 // a beep before which nobody spoke
)

// Options say what a Listener listens for.
type Options struct {
	// Tones is the table; nil: the one that is built in.
	Tones []Tone
	// Countries are those whose tones are likeliest here: where two countries have
	// the same one, the first is told.
	Countries []string
	// Book holds the announcements that are known; nil: none are.
	Book *Book
}

// Listener hears tones, beeps and known announcements. It implements amd.Detector,
// and amd.Framed beside a judge.
type Listener struct {
	tones    []Tone
	spectrum *spectrum.Analyzer
	tracker  tracker
	heard    heard
	hush     hush
	speech   speech
	finder   *finder // nil without a book

	tell func(amd.Finding) // during Feed only
	see  func(*spectrum.Frame)

	beep    pending
	still   pending  // a cadence, until its last burst was followed by silence
	first   pending  // one burst of a tone, until a second one comes
	told    amd.Kind // the tone told last, where it ended, whether it was certain
	toldAt  int64
	sure    bool
	lasting amd.Kind // of the tone that sounds now
	sitTold int64    // where the last SIT began
}

// pending is a finding that waits until at; a burst before revokes it.
type pending struct {
	finding amd.Finding
	at      int64
	level   float32 // power of its tone
}

// New makes a Listener.
func New(o Options) *Listener {
	if o.Tones == nil {
		o.Tones = Tones()
	}
	l := &Listener{tones: arrange(o.Tones, o.Countries), spectrum: spectrum.New(), sitTold: -1}
	l.see = l.frame
	if o.Book != nil {
		l.finder = newFinder(o.Book)
	}
	return l
}

// Feed implements amd.Detector.
func (l *Listener) Feed(pcm []int16, tell func(amd.Finding)) {
	l.tell = tell
	l.spectrum.Write(pcm, l.see)
	l.tell = nil
}

// See implements amd.Framed: it hears a frame that somebody else made.
func (l *Listener) See(f *spectrum.Frame, tell func(amd.Finding)) {
	l.tell = tell
	l.frame(f)
	l.tell = nil
}

// Miss implements amd.Framed.
func (l *Listener) Miss(n int) { l.tracker.gap(n) }

// Gap implements amd.Detector: what is missing is thought to have gone on.
func (l *Listener) Gap(n int) {
	l.spectrum.Gap(n)
	l.Miss(n)
}

// Silence tells that the far end sent nothing for n samples, by comfort noise or
// because it suppresses silence.
func (l *Listener) Silence(n int, tell func(amd.Finding)) {
	l.tell = tell
	l.spectrum.Silence(n, l.see)
	l.tell = nil
}

// Close tells what was only waiting to be certain: nothing more is heard.
func (l *Listener) Close(tell func(amd.Finding)) {
	l.tell = tell
	if l.tracker.sounding() {
		b := l.tracker.burst(true)
		l.tracker = tracker{}
		l.ended(&b)
	}
	for _, p := range []*pending{&l.still, &l.beep, &l.first} {
		p.due(p.at, l)
	}
	l.tell = nil
}

// frame takes 10 ms.
func (l *Listener) frame(f *spectrum.Frame) {
	line := look(f)
	if l.finder != nil {
		if found, ok := l.finder.take(f); ok {
			l.tell(found)
		}
	}
	l.speech.take(&line)
	was := l.tracker.sounding()
	if b, ok := l.tracker.take(&line); ok {
		l.ended(&b)
	}
	l.hush.take(&line, l.tracker.sounding())
	for _, p := range []*pending{&l.still, &l.beep, &l.first} {
		p.due(line.at, l)
	}
	if was && l.tracker.sounding() && line.tonal {
		l.goesOn()
	}
}

// goesOn looks at a tone that sounds: some need not end to be known.
func (l *Listener) goesOn() {
	n := l.tracker.n
	if n%10 != 0 || n < 20 {
		return
	}
	b := l.tracker.burst(false)
	if b.length() > 120*perMS && b.beeps() {
		l.revoke(&b)
	}
	if kind, detail := lasting(l.tones, &b); kind != "" && l.lasting != kind {
		l.lasting = kind
		l.tell(amd.Finding{Kind: kind, Detail: detail, From: b.from, To: b.to, Hz: float64(b.lo), Confidence: certain})
	}
	probe := l.heard
	if l.heard.n >= 2 && b.lo > 1700 && probe.take(b, 0) && probe.sit() {
		l.tellSIT(&probe)
	}
}

// revoke takes back what was waiting to be followed by silence.
func (l *Listener) revoke(b *burst) {
	for _, p := range []*pending{&l.still, &l.beep, &l.first} {
		if p.at > 0 && b.from < p.at {
			p.at = 0
		}
	}
}

// ended takes a burst that is over.
func (l *Listener) ended(b *burst) {
	lasted := l.lasting
	l.lasting = ""
	if b.length() < 60*perMS || b.length() < 120*perMS && b.spread > 2*broad {
		return
	}
	l.speech.about(b)
	if b.steady() {
		l.speech.forget(b)
	}
	if !l.heard.take(*b, l.hush.last()) {
		return
	}
	l.revoke(b)
	if lasted != "" {
		return
	}
	switch {
	case l.heard.sit():
		l.tellSIT(&l.heard)
	case l.heard.fax():
		before := l.heard.at(1)
		l.tell(amd.Finding{Kind: amd.FaxCNG, From: before.from, To: b.to, Hz: float64(b.lo), Confidence: certain})
	default:
		if m := l.heard.cadence(l.tones); m.tone != nil {
			l.await(m.tone, b)
			return
		}
		l.alone(b)
	}
}

func (l *Listener) tellSIT(h *heard) {
	first := h.at(2)
	if first.from == l.sitTold {
		return
	}
	l.sitTold = first.from
	l.tell(amd.Finding{Kind: amd.SIT, Detail: h.sitClass(), From: first.from, To: h.at(0).to, Hz: float64(first.lo), Confidence: certain})
}

// await tells the tone of a cadence once its last burst was followed by silence.
func (l *Listener) await(t *Tone, b *burst) {
	if l.told == t.Kind && l.sure && b.from-l.toldAt < 8000*perMS {
		l.toldAt = b.to // it still sounds
		return
	}
	off := 200.0
	if len(t.Cadence) > 1 {
		off = t.Cadence[1].middle()
	}
	from := b.from
	for i := 1; i < l.heard.n && alike(b, l.heard.at(i)); i++ {
		from = l.heard.at(i).from
	}
	l.still = pending{
		finding: amd.Finding{Kind: t.Kind, Detail: t.Country, From: from, To: b.to, Hz: float64(b.lo), Confidence: certain},
		at:      b.to + int64(min(150, off*confirm)*perMS),
		level:   b.level,
	}
}

// alone judges a burst that is of no cadence so far: a beep, or the first one of
// a tone.
func (l *Listener) alone(b *burst) {
	tone, pause := single(l.tones, b)
	spoken := l.speech.spoken(b)
	f := amd.Finding{From: b.from, To: b.to, Hz: float64(b.lo)}
	if !spoken {
		f.Confidence = likely
		switch {
		case tone != nil && tone.Once:
			f.Kind, f.Detail = amd.RecordWarning, tone.Country
			l.first = pending{f, b.to + 500*perMS, b.level}
			return
		case tone != nil && tone.Kind == amd.Ringback && b.length() > 600*perMS:
			f.Kind, f.Detail = amd.Ringback, tone.Country
			l.first = pending{f, b.to + 1000*perMS, b.level}
			return
		case cng(b):
			f.Kind, f.Confidence = amd.FaxCNG, perhaps
			l.first = pending{f, b.to + 1500*perMS, b.level}
			return
		}
	}
	if b.cut || !b.beeps() || l.goesWith(b) {
		return
	}
	f.Kind, f.Confidence = amd.Beep, certain
	if !spoken {
		f.Confidence = perhaps
	}
	l.beep = pending{f, b.to + int64(pause*perMS), b.level}
}

// goesWith reports whether the burst is a further one of a tone that was told: its
// last one, cut short.
func (l *Listener) goesWith(b *burst) bool {
	return l.told != "" && l.heard.n > 1 && alike(b, l.heard.at(1)) && b.from-l.heard.at(1).to < 7000*perMS
}

// due tells what has waited long enough.
func (p *pending) due(now int64, l *Listener) {
	if p.at == 0 || now < p.at || l.tracker.drowns(p.level) {
		return
	}
	p.at = 0
	if k := p.finding.Kind; k != amd.Beep {
		if k == l.told && p.finding.Confidence < certain {
			return
		}
		l.told, l.toldAt, l.sure = k, p.finding.To, p.finding.Confidence >= certain
	}
	l.tell(p.finding)
}

var _ amd.Detector = (*Listener)(nil)

// Countries lists those that the built-in table has.
func Countries() []string {
	var list []string
	for _, t := range Tones() {
		if !slices.Contains(list, t.Country) {
			list = append(list, t.Country)
		}
	}
	return list
}
