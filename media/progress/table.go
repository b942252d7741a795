package progress

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"zvonar/media/amd"
	"zvonar/media/spectrum"
)

// Tone is one tone of one country.
type Tone struct {
	Country string // ISO 3166
	Kind    amd.Kind
	Hz      [2]float64 // the second is 0 for a pure tone
	// Cadence is what sounds and what does not, in turn; nil for a continuous tone.
	Cadence []Step
	Once    bool // heard once, or so seldom that it is no cadence
	Source  string
}

// Step is one part of a cadence: its length and, where the rule gives a range,
// the bounds of it, in milliseconds.
type Step struct{ Least, Most float64 }

// Bounds of a table of tones.
const (
	maxTones   = 1000
	maxSteps   = 8
	maxStepMS  = 20000
	shortestMS = 60
)

//go:embed tones.txt
var builtin string

// Tones is the table that comes with zvonar, for the caller to keep.
func Tones() []Tone { return slices.Clone(parsed()) }

// parsed is that table, read once.
var parsed = sync.OnceValue(func() []Tone {
	t, err := ParseTones(strings.NewReader(builtin))
	if err != nil {
		panic("the table of tones that is built in: " + err.Error()) // a test reads it
	}
	return t
})

// ParseTones reads a table: see tones.txt for its form. Errors name the line.
func ParseTones(r io.Reader) ([]Tone, error) {
	var tones []Tone
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		t, err := parseTone(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if tones = append(tones, t); len(tones) > maxTones {
			return nil, fmt.Errorf("line %d: more than %d tones", n, maxTones)
		}
	}
	return tones, lines.Err()
}

// names of tones in a table.
var names = map[string]amd.Kind{
	"ringback": amd.Ringback, "busy": amd.Busy, "congestion": amd.Congestion,
	"dial": amd.Dial, "record": amd.RecordWarning,
}

func parseTone(text string) (Tone, error) {
	f := strings.Fields(text)
	if len(f) < 4 {
		return Tone{}, fmt.Errorf("want country, tone, Hz and cadence, got %q", text)
	}
	kind, ok := names[f[1]]
	if !ok {
		return Tone{}, fmt.Errorf("there is no tone %q (ringback, busy, congestion, dial, record)", f[1])
	}
	t := Tone{Country: f[0], Kind: kind, Source: strings.Join(f[4:], " ")}
	if len(t.Country) != 2 || strings.ToUpper(t.Country) != t.Country {
		return Tone{}, fmt.Errorf("a country is two capital letters, not %q", t.Country)
	}
	lines := strings.Split(f[2], "+")
	if len(lines) > 2 {
		return Tone{}, fmt.Errorf("a tone has one frequency or two, not %q", f[2])
	}
	for i, s := range lines {
		hz, err := strconv.ParseFloat(s, 64)
		if err != nil || !(hz >= 300 && hz <= 2200) {
			return Tone{}, fmt.Errorf("a frequency is 300 to 2200 Hz, not %q", s)
		}
		t.Hz[i] = hz
	}
	slices.Sort(t.Hz[:len(lines)])
	return t, t.parseCadence(f[3])
}

func (t *Tone) parseCadence(text string) error {
	if text == "continuous" {
		return nil
	}
	if once, ok := strings.CutPrefix(text, "once:"); ok {
		s, err := parseStep(once)
		t.Once, t.Cadence = true, []Step{s}
		return err
	}
	for _, pair := range strings.Split(text, ",") {
		on, off, ok := strings.Cut(pair, "/")
		if !ok {
			return fmt.Errorf("a cadence is on/off pairs, not %q", text)
		}
		for _, x := range []string{on, off} {
			s, err := parseStep(x)
			if err != nil {
				return err
			}
			t.Cadence = append(t.Cadence, s)
		}
	}
	if len(t.Cadence) > maxSteps {
		return fmt.Errorf("a cadence has at most %d parts, not %d", maxSteps, len(t.Cadence))
	}
	return nil
}

func parseStep(text string) (Step, error) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	a, err := strconv.ParseFloat(from, 64)
	b, err2 := strconv.ParseFloat(to, 64)
	if err != nil || err2 != nil || !(a >= shortestMS && a <= b && b <= maxStepMS) {
		return Step{}, fmt.Errorf("a length is %d to %d ms, not %q", shortestMS, maxStepMS, text)
	}
	return Step{a, b}, nil
}

// miss is by what factor a length in milliseconds leaves the step, as a logarithm.
func (s Step) miss(ms float64) float64 {
	switch {
	case ms < s.Least:
		return math.Log(s.Least / ms)
	case ms > s.Most:
		return math.Log(ms / s.Most)
	}
	return 0
}

// middle is the length that a step has as a rule.
func (s Step) middle() float64 { return (s.Least + s.Most) / 2 }

// Two lines nearer than this are one broad one to the ear (line.go).
const apart = 4 * float64(spectrum.BinHz)

// sounds reports whether the burst has the frequencies of the tone; miss is by
// how much they are off, Hz.
func (t *Tone) sounds(b *burst) (miss float64, ok bool) {
	lo, hi := float64(b.lo), float64(b.hi)
	const tolerance = 22
	switch {
	case t.Hz[1] == 0:
		miss = math.Abs(lo - t.Hz[0])
		return miss, hi == 0 && miss <= tolerance && b.spread < broad
	case t.Hz[1]-t.Hz[0] < apart:
		miss = math.Abs(lo - (t.Hz[0]+t.Hz[1])/2)
		wide := (t.Hz[1] - t.Hz[0]) / 2 / float64(spectrum.BinHz)
		spread := pure + wide*wide
		return miss, hi == 0 && miss <= 1.2*tolerance && math.Abs(float64(b.spread)-spread) < 0.3+0.35*wide*wide
	}
	miss = max(math.Abs(lo-t.Hz[0]), math.Abs(hi-t.Hz[1]))
	return miss, hi > 0 && miss <= tolerance
}

// The spread of a pure line, and the most that noise and codecs make of it.
const (
	pure  = 0.335
	broad = 0.56
)

// arrange puts the tones of the countries named first, in that order.
func arrange(tones []Tone, home []string) []Tone {
	place := func(t Tone) int {
		if i := slices.Index(home, t.Country); i >= 0 {
			return i
		}
		return len(home)
	}
	out := slices.Clone(tones)
	slices.SortStableFunc(out, func(a, b Tone) int { return place(a) - place(b) })
	return out
}
