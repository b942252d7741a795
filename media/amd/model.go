package amd

import "math"

// Depth of the trees of a model: each asks this many questions, the same on all
// branches, so that its leaf is a number of as many bits.
const Depth = 4

// Tree is one tree of a model.
type Tree struct {
	Feature [Depth]uint8
	Above   [Depth]float32 // the answer is yes where the feature is greater
	Leaf    [1 << Depth]float32
}

// Forest is a sum of trees: the logarithm of the odds of a class.
type Forest struct {
	Base  float32
	Trees []Tree
	// Scale and Shift turn the sum into calibrated log odds (Platt 1999).
	Scale, Shift float32
}

// Model is what was learned: whether a machine speaks, and whether what is heard
// is no speech at all.
type Model struct {
	ID      string
	Machine Forest
	Other   Forest
	Limits  Limits // for the probabilities of both
}

// Probability is that of the class the forest was trained for, of a Look's X.
func (f *Forest) Probability(x []float32) float32 { return f.probability((*vector)(x)) }

func (f *Forest) probability(v *vector) float32 { return Logistic(f.odds(v)) }

// odds are the calibrated log odds of the class.
func (f *Forest) odds(v *vector) float32 { return f.sum(v)*f.Scale + f.Shift }

func (f *Forest) sum(v *vector) float32 {
	sum := f.Base
	for i := range f.Trees {
		t := &f.Trees[i]
		leaf := 0
		for d := range Depth {
			if v[t.Feature[d]] > t.Above[d] {
				leaf |= 1 << d
			}
		}
		sum += t.Leaf[leaf]
	}
	return sum
}

// Logistic is the probability of log odds.
func Logistic(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
