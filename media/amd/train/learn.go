package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"zvonar/media/amd"
)

// Options of the training.
type Options struct {
	Variants int // further sounds made of each one
	Trees    int
	Folds    int // of the cross-validation, and of the calibration
	Division int // of the voices into folds: each number is another one
	// Beside is how much a sound that is only learned from counts, of one that is
	// judged; music counts as much as that.
	Beside float64
}

// Defaults are the options that the table in the repository was trained with.
func Defaults() Options { return Options{Variants: 4, Trees: 250, Folds: 5, Beside: 0.3} }

// variants is how many further sounds are made of one: of those that are only
// learned from half as many, for there may be many of them.
func (o Options) variants(s *Sound) int {
	if s.Aside {
		return (o.Variants + 1) / 2
	}
	return o.Variants
}

func (o Options) settings() Settings {
	all := make([]int, len(amd.Features()))
	for i := range all {
		all[i] = i
	}
	return Settings{Trees: o.Trees, Shrinkage: 0.12, Penalty: 5, MinWeight: 2, Bins: 48, Features: all, RowShare: 0.3, FeatureShare: 0.2}
}

// Looks that are learned from lie this far after the onset, in samples; earlier
// nothing can be told, later nothing need be.
const (
	firstLook = amd.Rate / 5
	lastLook  = 65 * amd.Rate / 10
)

// example is one sound with its variants as rows.
type example struct {
	sound *Sound
	rows  []look // of all variants
	own   int    // how many of them are of the sound itself
}

// look is what was measured so many samples after the onset.
type look struct {
	since int64
	x     []float32
}

// Of looks between these, in samples after the onset, the verdict is made. They
// count urgency times as much where it is learned who answers.
const (
	firstUrgent = 6 * amd.Rate / 10
	lastUrgent  = 32 * amd.Rate / 10
	urgency     = 2.5
)

// urgent is how much a look counts for when it is.
func (l *look) urgent() float32 {
	if l.since >= firstUrgent && l.since < lastUrgent {
		return urgency
	}
	return 1
}

// rarity is by how much more what is no speech counts than what is.
const rarity = 3

// hardship is by how much more a greeting of a business counts: few have been
// recorded, and they last as long as a machine's.
const hardship = 2

// examples looks at all sounds and their variants but those of one fold. Voices are
// mixed into them that are not beside, for words over and over are no murmur, and not
// of that fold. What is drawn by chance for a sound does not depend on the fold.
func examples(sounds []*Sound, left int, o Options) []example {
	out := make([]example, len(sounds))
	speech := slices.DeleteFunc(slices.Clone(sounds), func(s *Sound) bool { return s.Other() || s.Aside || o.foldOf(s) == left })
	if len(speech) == 0 {
		speech = sounds
	}
	each(len(sounds), func(i int) {
		if o.foldOf(sounds[i]) != left {
			out[i] = exampleOf(sounds[i], speech, o, rand.New(rand.NewPCG(1, uint64(i))))
		}
	})
	return slices.DeleteFunc(out, func(e example) bool { return e.sound == nil })
}

// each calls f with the numbers below n, some at once.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

func exampleOf(s *Sound, others []*Sound, o Options, rnd *rand.Rand) example {
	e := example{sound: s}
	for v := range 1 + o.variants(s) {
		n := 0
		amd.Looks(variant(s, v, others, rnd), func(l *amd.Look) {
			since := l.At - l.Onset
			// Where a machine's sound ends nothing is known of what follows.
			if since < firstLook || since > lastLook || !s.Human() && l.At > int64(len(s.PCM)+amd.Rate*8/10) {
				return
			}
			if n++; n%2 == v%2 {
				e.rows = append(e.rows, look{since, slices.Clone(l.X[:])})
			}
		})
		if v == 0 {
			e.own = len(e.rows)
		}
	}
	return e
}

// Learn trains a model on all sounds.
func Learn(sounds []*Sound, o Options) amd.Model { return learn(examples(sounds, nobody, o), o) }

// learn trains both forests; the calibration comes of voices that were left out in
// turn.
func learn(list []example, o Options) amd.Model {
	m := amd.Model{Limits: limits}
	machine := make([]amd.Forest, o.Folds+1) // without each fold, and without none
	each(len(machine)+1, func(k int) {
		if k < len(machine) {
			machine[k] = fitMachine(o.without(list, k), o)
		} else {
			m.Other = fitOther(list, o)
		}
	})
	m.Machine = machine[o.Folds]
	var sums, truth []float64
	for _, e := range list {
		if !e.answers() {
			continue
		}
		for _, l := range e.rows[:e.own] {
			p := max(1e-4, min(1-1e-4, float64(machine[o.foldOf(e.sound)].Probability(l.x))))
			sums = append(sums, math.Log(p/(1-p)))
			truth = append(truth, target(!e.sound.Human()))
		}
	}
	if len(sums) > 0 {
		scale, shift := platt(sums, truth)
		m.Machine.Scale, m.Machine.Shift = float32(scale), float32(shift)
	}
	m.ID = idOf(&m)
	return m
}

// answers reports whether it teaches who answers. What is beside teaches only what
// speech is and what is none: letters, actors and voices without a telephone are
// neither people nor machines as a call has them (docs/decisions/137).
func (e *example) answers() bool { return !e.sound.Other() && !e.sound.Aside }

// voiceless is how much a sound counts where it is learned what speech is.
func (o Options) voiceless(s *Sound) float32 {
	weight := float32(1)
	if s.Other() {
		weight *= rarity // there are few of them, and none may be called a machine
	}
	if s.Aside && s.Label != "music" {
		weight *= float32(o.Beside)
	}
	return weight
}

// weight is what a row of a sound counts, before what it is counts.
func (o Options) weight(s *Sound) float32 { return 1 / float32(1+o.variants(s)) / 2 }

// fitMachine trains the forest that tells machines from people, without calibration.
func fitMachine(list []example, o Options) amd.Forest {
	var rows []Row
	for _, e := range list {
		if !e.answers() {
			continue
		}
		weight := o.weight(e.sound)
		if e.sound.Sub == "business" {
			weight *= hardship
		}
		for _, l := range e.rows {
			rows = append(rows, Row{X: l.x, Y: float32(target(!e.sound.Human())), Weight: weight * l.urgent()})
		}
	}
	if !both(rows) {
		return amd.Forest{Scale: 1}
	}
	return Fit(rows, o.settings())
}

// fitOther trains the forest that tells what is no speech.
func fitOther(list []example, o Options) amd.Forest {
	var rows []Row
	for _, e := range list {
		weight := o.weight(e.sound) * o.voiceless(e.sound)
		for _, l := range e.rows {
			rows = append(rows, Row{X: l.x, Y: float32(target(e.sound.Other())), Weight: weight})
		}
	}
	if !both(rows) {
		return amd.Forest{Base: -5, Scale: 1}
	}
	return Fit(rows, o.settings())
}

// both reports whether there are rows of either kind.
func both(rows []Row) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return r.Y == 0 }) && slices.ContainsFunc(rows, func(r Row) bool { return r.Y == 1 })
}

func target(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// aside is the fold of sounds that are learned from and never judged, nobody that of
// none.
const (
	aside  = -1
	nobody = -2
)

// foldOf puts a voice into one fold, always the same.
func (o Options) foldOf(s *Sound) int {
	if s.Aside {
		return aside
	}
	text := s.Voice
	if o.Division > 0 {
		text = fmt.Sprint(o.Division, s.Voice)
	}
	h := sha256.Sum256([]byte(text))
	return int(h[0]) % o.Folds
}

func (o Options) without(list []example, fold int) []example {
	return slices.DeleteFunc(slices.Clone(list), func(e example) bool { return o.foldOf(e.sound) == fold })
}

// platt fits probability = logistic(scale*x+shift) to what is true, by Newton's
// method; a little is added to keep it finite.
func platt(x, truth []float64) (scale, shift float64) {
	scale = 1
	for range 30 {
		var ga, gb, haa, hab, hbb float64
		for i, v := range x {
			p := 1 / (1 + math.Exp(-scale*v-shift))
			d, w := truth[i]-p, p*(1-p)
			ga += d * v
			gb += d
			haa += w * v * v
			hab += w * v
			hbb += w
		}
		haa += 1e-6
		hbb += 1e-6
		det := haa*hbb - hab*hab
		if det <= 0 {
			break
		}
		scale += (hbb*ga - hab*gb) / det
		shift += (haa*gb - hab*ga) / det
	}
	return scale, shift
}

// idOf names a model by its content.
func idOf(m *amd.Model) string {
	h := sha256.New()
	fmt.Fprintf(h, "%v %v %v", m.Machine, m.Other, m.Limits)
	return "m" + hex.EncodeToString(h.Sum(nil))[:8]
}
