package audio

import (
	"math"
	"time"
)

// Rates of what a Converter makes, Hz.
const (
	Narrow = 8000
	Wide   = 16000
)

// MaxDuration is the longest clip that is taken.
const MaxDuration = 10 * time.Minute

const (
	// clipLevel is the magnitude from which a sample is at full scale;
	// clipRun such samples in a row were cut off: a single one may be the top of
	// a clip that was brought to full scale by a careful hand.
	clipLevel = 0.999
	clipRun   = 3
)

// Converter makes the forms of the line of interleaved samples. Use
// NewConverter, Write as often as needed, then Close.
type Converter struct {
	rate, channels int
	narrow, wide   *resampler // wide is nil where the source has no more than 8 kHz can hold
	out            Outputs
	meter          *meter

	frames  int64 // of the source
	full    []int // samples at full scale in a row, a channel
	clipped int64

	mono, mid, low []float64
	pcm            []int16
}

// Outputs take what a Converter makes, in blocks that are valid until they
// return.
type Outputs struct {
	Narrow func([]int16) error // 8 kHz mono
	Wide   func([]int16) error // 16 kHz mono; called only where HasWide
}

// HasWide reports whether a source at rate gives a 16 kHz form.
func HasWide(rate int) bool { return rate >= Wide }

// NewConverter makes one for samples at a rate that TakesRate approves, of one
// or two channels.
func NewConverter(rate, channels int, out Outputs) *Converter {
	c := &Converter{rate: rate, channels: channels, out: out, meter: newMeter(), full: make([]int, channels)}
	if HasWide(rate) {
		c.wide = newResampler(rate, Wide)
		c.narrow = newResampler(Wide, Narrow)
	} else {
		c.narrow = newResampler(rate, Narrow)
	}
	return c
}

// Write takes whole frames of samples, full scale ±1; what is beyond is cut.
// Errors are *calls.Error (bad-audio) or those of the outputs.
func (c *Converter) Write(block []float64) error {
	var err error
	if c.mono, err = c.mix(c.mono[:0], block); err != nil {
		return err
	}
	if c.frames > int64(MaxDuration/time.Second)*int64(c.rate) {
		return TooLong(time.Duration(c.frames) * time.Second / time.Duration(c.rate))
	}
	if c.wide == nil {
		c.low = c.narrow.write(c.low[:0], c.mono)
		return c.emitNarrow()
	}
	c.mid = c.wide.write(c.mid[:0], c.mono)
	c.low = c.narrow.write(c.low[:0], c.mid)
	return c.emit()
}

// Close makes the rest and tells what was measured.
func (c *Converter) Close() (*Report, error) {
	var err error
	if c.wide == nil {
		c.low = c.narrow.flush(c.low[:0])
		err = c.emitNarrow()
	} else {
		c.mid = c.wide.flush(c.mid[:0])
		c.low = c.narrow.flush(c.narrow.write(c.low[:0], c.mid))
		err = c.emit()
	}
	if err != nil {
		return nil, err
	}
	r := c.meter.report()
	if c.frames > 0 {
		r.Clipped = float64(c.clipped) / float64(c.frames*int64(c.channels))
	}
	return r, nil
}

// TooLong is the refusal of a sound that lasts longer than MaxDuration.
func TooLong(d time.Duration) error {
	return bad("the recording lasts %s, at most %s are taken", d.Round(time.Second), MaxDuration)
}

func (c *Converter) emit() error {
	if c.pcm = quantise(c.pcm[:0], c.mid); len(c.pcm) > 0 {
		if err := c.out.Wide(c.pcm); err != nil {
			return err
		}
	}
	return c.emitNarrow()
}

func (c *Converter) emitNarrow() error {
	if c.pcm = quantise(c.pcm[:0], c.low); len(c.pcm) == 0 {
		return nil
	}
	c.meter.write(c.pcm)
	return c.out.Narrow(c.pcm)
}

// mix averages the channels of interleaved samples into dst, which mono needs
// because a voice on one channel must not come out twice as loud as on both.
func (c *Converter) mix(dst, block []float64) ([]float64, error) {
	share := 1 / float64(c.channels)
	for i := 0; i+c.channels <= len(block); i += c.channels {
		sum := 0.0
		for ch, s := range block[i : i+c.channels] {
			if !(s < clipLevel && s > -clipLevel) {
				if math.IsNaN(s) || math.IsInf(s, 0) {
					return nil, bad("the file holds values that are not numbers")
				}
				s = max(-1, min(s, 1))
				c.atFullScale(ch)
			} else {
				c.full[ch] = 0
			}
			sum += s
		}
		c.frames++
		dst = append(dst, sum*share)
	}
	return dst, nil
}

// atFullScale counts a sample at full scale once it is one of a run.
func (c *Converter) atFullScale(ch int) {
	c.full[ch]++
	switch n := c.full[ch]; {
	case n == clipRun:
		c.clipped += clipRun
	case n > clipRun:
		c.clipped++
	}
}

func quantise(dst []int16, in []float64) []int16 {
	for _, x := range in {
		x *= 32768
		if x < 0 {
			x -= 0.5
		} else {
			x += 0.5
		}
		dst = append(dst, int16(max(math.MinInt16, min(x, math.MaxInt16))))
	}
	return dst
}
