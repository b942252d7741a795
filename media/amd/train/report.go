package train

import (
	"fmt"
	"io"
	"slices"

	"zvonar/media/amd"
)

// Result is what a Listener said of one sound; times in ms from its start, -1
// where nothing was said.
type Result struct {
	Sound    *Sound
	Verdict  amd.Verdict
	Cause    string
	Onset    int
	Decided  int
	Sure     float64
	Revised  amd.Verdict // "" where the first one stood
	ReviseAt int
	Beep     int // where the first beep after speech began
}

// Run feeds a sound to a listener as a call would, 20 ms at a time.
func Run(pcm []int16, params amd.Params, detectors ...amd.Detector) Result {
	r := Result{Onset: -1, Decided: -1, ReviseAt: -1, Beep: -1}
	l := amd.New(params, detectors...)
	const packet = amd.Rate / 50
	for i := 0; i < len(pcm); i += packet {
		l.Feed(pcm[i:min(len(pcm), i+packet)], r.take)
	}
	l.Close(r.take)
	return r
}

// take notes an event.
func (r *Result) take(e amd.Event) {
	at := int(e.At * 1000 / amd.Rate)
	switch e.Kind {
	case amd.Decided:
		r.Verdict, r.Cause, r.Decided, r.Sure = e.Verdict, e.Cause, at, e.Confidence
	case amd.Revised:
		r.Revised, r.ReviseAt = e.Verdict, at
	case amd.Beeped:
		if r.Beep < 0 {
			r.Beep = int(e.Finding.From * 1000 / amd.Rate)
		}
	}
	if e.Onset >= 0 && (r.Onset < 0 || e.Kind == amd.Decided) {
		r.Onset = int(e.Onset * 1000 / amd.Rate)
	}
}

// CrossValidate trains on the voices of all folds but one and runs the sounds of
// that one, for each fold: who is judged was heard in no sound that was learned
// from, not in the murmur behind one either. extra are learned from and not judged.
// detectors makes those of one call.
func CrossValidate(sounds, extra []*Sound, o Options, params amd.Params, detectors func() []amd.Detector) []Result {
	results := make([]Result, len(sounds))
	for k := range o.Folds {
		m := learn(examples(slices.Concat(sounds, extra), k, o), o)
		p := params
		p.Model, p.Limits = &m, m.Limits
		runAll(sounds, results, func(s *Sound) bool { return o.foldOf(s) == k }, p, detectors)
	}
	return results
}

// RunAll runs all sounds with one model.
func RunAll(sounds []*Sound, params amd.Params, detectors func() []amd.Detector) []Result {
	results := make([]Result, len(sounds))
	runAll(sounds, results, func(*Sound) bool { return true }, params, detectors)
	return results
}

func runAll(sounds []*Sound, results []Result, take func(*Sound) bool, params amd.Params, detectors func() []amd.Detector) {
	each(len(sounds), func(i int) {
		if take(sounds[i]) {
			results[i] = Run(sounds[i].PCM, params, detectors()...)
			results[i].Sound = sounds[i]
		}
	})
}

// taken reports what a verdict comes to: unknown and silence count as human.
func taken(v amd.Verdict) bool { return v == amd.Machine || v == amd.Announced || v == amd.Fax }

// revisedWithin is how long after the onset a revision still counts, ms.
const revisedWithin = 6000

// part is what one row of the report counts.
type part struct {
	n, right, humans, humanAsMachine, humanLater, machines, machineAsHuman, afterRevision int
	times                                                                                 []int
}

func (p *part) add(r Result) {
	p.n++
	p.times = append(p.times, r.waited())
	first, later := r.machine()
	if r.Sound.Human() {
		p.humans++
		if first {
			p.humanAsMachine++
		} else {
			p.right++
		}
		if later {
			p.humanLater++
		}
		return
	}
	p.machines++
	if first {
		p.right++
	} else {
		p.machineAsHuman++
	}
	if !later {
		p.afterRevision++
	}
}

// onset is where the manifest has it, else where it was heard.
func (r *Result) onset() int {
	if r.Sound.Onset >= 0 {
		return r.Sound.Onset
	}
	return max(0, r.Onset)
}

// waited is the time from the onset to the first verdict, ms.
func (r *Result) waited() int { return r.Decided - r.onset() }

// machine reports whether it was taken for a machine, at first and with the
// revision.
func (r *Result) machine() (first, later bool) {
	first = taken(r.Verdict)
	return first, first || taken(r.Revised) && r.ReviseAt-r.onset() <= revisedWithin
}

// at is the time that so many of a hundred did not exceed, s.
func (p *part) at(percent int) float64 {
	if len(p.times) == 0 {
		return 0
	}
	slices.Sort(p.times)
	return float64(p.times[min(len(p.times)-1, len(p.times)*percent/100)]) / 1000
}

func (p *part) row(name string) string {
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %.2f | %.2f |\n", name, p.n, share(p.right, p.n), shares(p.humanAsMachine, p.humanLater, p.humans),
		shares(p.machineAsHuman, p.afterRevision, p.machines), p.at(50), p.at(95))
}

func shares(k, l, n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f / %.1f %%", 100*float64(k)/float64(n), 100*float64(l)/float64(n))
}

func share(k, n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(n))
}

// WriteReport writes the confusion of results as Markdown.
func WriteReport(w io.Writer, results []Result) error {
	rows := []struct {
		name string
		take func(*Sound) bool
	}{
		{"all", func(s *Sound) bool { return true }},
		{"without business greetings", func(s *Sound) bool { return s.Sub != "business" }},
		{"business greetings", func(s *Sound) bool { return s.Sub == "business" }},
		{"recorded voices", func(s *Sound) bool { return s.Real }},
		{"synthetic voices", func(s *Sound) bool { return !s.Real }},
		{"no added noise", func(s *Sound) bool { return s.SNR == 0 }},
		{"noise 20–30 dB below", func(s *Sound) bool { return s.SNR >= 20 }},
		{"noise 10–15 dB below", func(s *Sound) bool { return s.SNR > 0 && s.SNR <= 15 }},
	}
	text := "| | files | right | human → machine | machine → human | median s | 95 % s |\n|---|---|---|---|---|---|---|\n"
	for _, row := range rows {
		var p part
		for _, r := range results {
			if !r.Sound.Other() && row.take(r.Sound) {
				p.add(r)
			}
		}
		if p.n > 0 {
			text += p.row(row.name)
		}
	}
	text += "\nErrors by the first verdict, then with the revision by 6 s after the onset. Unknown and silence count as human; times run from the onset that the manifest gives.\n"
	_, err := io.WriteString(w, asked(results)+text+others(results)+countBeeps(results).String())
	return err
}

// others counts the verdicts on what is neither human nor machine.
func others(results []Result) string {
	counts := map[string]map[amd.Verdict]int{}
	var labels []string
	for _, r := range results {
		if !r.Sound.Other() {
			continue
		}
		if counts[r.Sound.Label] == nil {
			counts[r.Sound.Label] = map[amd.Verdict]int{}
			labels = append(labels, r.Sound.Label)
		}
		v := r.Verdict
		if r.Revised != "" {
			v = r.Revised
		}
		counts[r.Sound.Label][v]++
	}
	if len(labels) == 0 {
		return ""
	}
	all := []amd.Verdict{amd.Human, amd.Machine, amd.Announced, amd.Fax, amd.Silence, amd.Unknown}
	text := "\n| what is heard (last verdict) |"
	rule := "\n|---|"
	for _, v := range all {
		text += fmt.Sprintf(" %s |", v)
		rule += "---|"
	}
	text += rule + "\n"
	for _, label := range labels {
		text += "| " + label + " |"
		for _, v := range all {
			text += fmt.Sprintf(" %d |", counts[label][v])
		}
		text += "\n"
	}
	return text
}

// beepCount is how many beeps there are, how many of them were found within 150 ms,
// and how many were told elsewhere in so many seconds of speech without one.
type beepCount struct {
	n, found, elsewhere int
	seconds             float64
}

func countBeeps(results []Result) (b beepCount) {
	for _, r := range results {
		switch {
		case r.Sound.Beep >= 0:
			b.n++
			if r.Beep >= 0 && max(r.Beep-r.Sound.Beep, r.Sound.Beep-r.Beep) <= 150 {
				b.found++
			} else if r.Beep >= 0 {
				b.elsewhere++
			}
		case !r.Sound.Other():
			b.seconds += float64(len(r.Sound.PCM)) / amd.Rate
			if r.Beep >= 0 {
				b.elsewhere++
			}
		}
	}
	return b
}

func (b beepCount) String() string {
	if b.n == 0 {
		return ""
	}
	return fmt.Sprintf("\nBeeps: %d of %d found within 150 ms; %d told elsewhere, in %.0f min of speech without one.\n", b.found, b.n, b.elsewhere, b.seconds/60)
}
