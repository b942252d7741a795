package train

import (
	"math"
	"math/rand/v2"
	"slices"

	"zvonar/media/amd"
)

// Row is one look at one sound.
type Row struct {
	X      []float32
	Y      float32 // 1 or 0: what the sound is
	Weight float32
}

// Settings of the booster.
type Settings struct {
	Trees     int
	Shrinkage float64 // of each tree's part
	Penalty   float64 // on the square of a leaf, in units of weight
	MinWeight float64 // of a leaf that a question may make
	Bins      int     // values of a feature that are told apart
	Features  []int   // which ones may be asked for
	// RowShare and FeatureShare are how many of the rows and features each tree sees.
	RowShare, FeatureShare float64
}

// booster fits trees one after another to what those before left open (Friedman
// 2001, with second derivatives). All its sums run in one order, so the same rows
// make the same trees.
type booster struct {
	set     Settings
	borders [][]float32
	bin     [][]uint8 // by feature, then row
	y, w    []float64
	f       []float64 // log odds so far
	g, h    []float64
	leaf    []uint8
	rnd     *rand.Rand
	rows    []int32 // that the tree under way is grown on
	asked   []int   // features that it may ask for
}

// Fit trains a forest on rows.
func Fit(rows []Row, set Settings) amd.Forest {
	b := &booster{set: set, rnd: rand.New(rand.NewPCG(1, 2))}
	b.load(rows)
	var pos, all float64
	for i, y := range b.y {
		pos += y * b.w[i]
		all += b.w[i]
	}
	base := math.Log(pos / (all - pos))
	for i := range b.f {
		b.f[i] = base
	}
	out := amd.Forest{Base: float32(base), Scale: 1}
	for range set.Trees {
		out.Trees = append(out.Trees, b.grow())
	}
	return out
}

func (b *booster) load(rows []Row) {
	n := len(rows)
	b.y, b.w, b.f = make([]float64, n), make([]float64, n), make([]float64, n)
	b.g, b.h, b.leaf = make([]float64, n), make([]float64, n), make([]uint8, n)
	for i, r := range rows {
		b.y[i], b.w[i] = float64(r.Y), float64(r.Weight)
	}
	for f := range rows[0].X {
		var borders []float32
		bins := make([]uint8, n)
		if slices.Contains(b.set.Features, f) {
			borders = bordersOf(rows, f, b.set.Bins)
			for i, r := range rows {
				k, _ := slices.BinarySearch(borders, r.X[f])
				bins[i] = uint8(k) // values above borders[k-1], up to borders[k]
			}
		}
		b.borders, b.bin = append(b.borders, borders), append(b.bin, bins)
	}
}

// bordersOf are the quantiles of a feature, each once.
func bordersOf(rows []Row, f, bins int) []float32 {
	values := make([]float32, len(rows))
	for i, r := range rows {
		values[i] = r.X[f]
	}
	slices.Sort(values)
	var out []float32
	for k := 1; k < bins; k++ {
		v := values[k*len(values)/bins]
		if (len(out) == 0 || v > out[len(out)-1]) && v < values[len(values)-1] {
			out = append(out, v)
		}
	}
	return out
}

type sums struct{ g, h float64 }

func (b *booster) grow() amd.Tree {
	for i, f := range b.f {
		p := 1 / (1 + math.Exp(-f))
		b.g[i], b.h[i] = b.w[i]*(b.y[i]-p), b.w[i]*p*(1-p)
	}
	clear(b.leaf)
	b.draw()
	var t amd.Tree
	for d := range amd.Depth {
		f, k := b.ask(1 << d)
		t.Feature[d], t.Above[d] = uint8(f), b.borders[f][k]
		bins := b.bin[f]
		for i := range b.leaf {
			if int(bins[i]) > k {
				b.leaf[i] |= 1 << d
			}
		}
	}
	var totals [1 << amd.Depth]sums
	for _, i := range b.rows {
		l := b.leaf[i]
		totals[l].g += b.g[i]
		totals[l].h += b.h[i]
	}
	for l, s := range totals {
		t.Leaf[l] = float32(b.set.Shrinkage * s.g / (s.h + b.set.Penalty))
	}
	for i, l := range b.leaf {
		b.f[i] += float64(t.Leaf[l])
	}
	return t
}

// draw takes a part of the rows and features for the next tree: trees that saw
// different things err differently.
func (b *booster) draw() {
	b.rows, b.asked = b.rows[:0], b.asked[:0]
	for i := range b.leaf {
		if b.rnd.Float64() < b.set.RowShare {
			b.rows = append(b.rows, int32(i))
		}
	}
	for _, f := range b.set.Features {
		if b.rnd.Float64() < b.set.FeatureShare || len(b.asked) == 0 {
			b.asked = append(b.asked, f)
		}
	}
}

// ask finds the question that helps most on all leaves at once.
func (b *booster) ask(leaves int) (feature, border int) {
	best := math.Inf(-1)
	feature = b.asked[0]
	width := b.set.Bins + 1
	hist := make([]sums, leaves*width)
	for _, f := range b.asked {
		if len(b.borders[f]) == 0 {
			continue
		}
		clear(hist)
		bins := b.bin[f]
		for _, i := range b.rows {
			c := &hist[int(b.leaf[i])*width+int(bins[i])]
			c.g += b.g[i]
			c.h += b.h[i]
		}
		if gain, k := b.best(hist, width, leaves, f); gain > best {
			best, feature, border = gain, f, k
		}
	}
	return feature, border
}

// best is the best border of one feature.
func (b *booster) best(hist []sums, width, leaves, f int) (gain float64, border int) {
	gain = math.Inf(-1)
	left := make([]sums, leaves)
	total := make([]sums, leaves)
	for l := range leaves {
		for _, c := range hist[l*width : (l+1)*width] {
			total[l].g += c.g
			total[l].h += c.h
		}
	}
	for k := range b.borders[f] {
		var sum float64
		for l := range leaves {
			left[l].g += hist[l*width+k].g
			left[l].h += hist[l*width+k].h
			sum += b.gain(left[l], total[l])
		}
		if sum > gain {
			gain, border = sum, k
		}
	}
	return gain, border
}

func (b *booster) gain(left, total sums) float64 {
	right := sums{total.g - left.g, total.h - left.h}
	if left.h < b.set.MinWeight || right.h < b.set.MinWeight {
		return total.g * total.g / (total.h + b.set.Penalty)
	}
	l, r := left.g/(left.h+b.set.Penalty), right.g/(right.h+b.set.Penalty)
	return left.g*l + right.g*r
}
