package amd

// opinion is what the looks so far come to. Trees jump where a feature passes one
// of their borders, so one look wavers about what the looks beside it say; each look
// counts for opinionShare, and what all before it came to for the rest.
type opinion struct {
	odds   float32 // logarithm of those of a machine
	formed bool
}

const (
	opinionShare = 0.5
	// surest bounds the log odds of one look: 0.0001 and 0.9999.
	surest = 9.2
)

// after takes the log odds of one more look, and gives the probability.
func (o *opinion) after(odds float32) float32 {
	odds = max(-surest, min(surest, odds))
	if !o.formed {
		*o = opinion{odds: odds, formed: true}
	} else {
		o.odds += opinionShare * (odds - o.odds)
	}
	return Logistic(o.odds)
}
