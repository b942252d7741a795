package amd

import (
	"math"
	"testing"
)

func TestOneLookDoesNotSwayAnOpinion(t *testing.T) {
	t.Parallel()
	var o opinion
	if p := o.after(4); math.Abs(float64(p)-0.982) > 0.001 {
		t.Errorf("the first look is the opinion: %.3f", p)
	}
	if p := o.after(-2); p < 0.7 {
		t.Errorf("one look against it makes %.2f of 0.98", p)
	}
	for range 6 {
		o.after(-2)
	}
	if p := o.after(-2); p > 0.15 {
		t.Errorf("after eight looks against it, it is still %.2f", p)
	}
	if p := o.after(float32(math.Inf(1))); math.IsNaN(float64(p)) || p > 0.99 {
		t.Errorf("a look that is sure beyond measure makes it %v", p)
	}
}
