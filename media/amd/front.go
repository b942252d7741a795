package amd

import "zvonar/media/spectrum"

// Framed is a Detector that can hear the spectrum a Listener makes for itself, so
// that a call pays for one.
type Framed interface {
	Detector
	// See hears a frame in place of Feed.
	See(f *spectrum.Frame, tell func(Finding))
	// Miss is Gap for a detector that is shown frames.
	Miss(n int)
}

// front is what hears: the one spectrum, the detectors, the scene.
type front struct {
	spectrum *spectrum.Analyzer
	scene    scene
	plain    []Detector // with a front end of their own
	framed   []Framed
	find     func(Finding)
	due      func()              // a look is
	rest     func(at int64) bool // only the detectors matter still; nil: never
	see      func(*spectrum.Frame)
}

// listen makes it ready.
func (h *front) listen(detectors []Detector, find func(Finding), due func()) {
	h.spectrum, h.find, h.due, h.see = spectrum.New(), find, due, h.frame
	for _, d := range detectors {
		if f, ok := d.(Framed); ok {
			h.framed = append(h.framed, f)
		} else {
			h.plain = append(h.plain, d)
		}
	}
}

func (h *front) write(pcm []int16) {
	for _, d := range h.plain {
		d.Feed(pcm, h.find)
	}
	h.spectrum.Write(pcm, h.see)
}

func (h *front) gap(n int) {
	for _, d := range h.plain {
		d.Gap(n)
	}
	for _, d := range h.framed {
		d.Miss(n)
	}
	h.spectrum.Gap(n)
}

// silent is a detector that can be told of silence that was not sent.
type silent interface {
	Silence(n int, tell func(Finding))
}

func (h *front) silence(n int) {
	for _, d := range h.plain {
		if s, ok := d.(silent); ok {
			s.Silence(n, h.find)
		} else {
			d.Gap(n)
		}
	}
	h.spectrum.Silence(n, h.see)
}

// closer is a detector that knows more once nothing follows.
type closer interface {
	Close(tell func(Finding))
}

// end lets the detectors finish, and looks once more.
func (h *front) end() {
	for _, d := range h.plain {
		if c, ok := d.(closer); ok {
			c.Close(h.find)
		}
	}
	for _, d := range h.framed {
		if c, ok := d.(closer); ok {
			c.Close(h.find)
		}
	}
	h.scene.look()
}

// frame takes 10 ms.
func (h *front) frame(f *spectrum.Frame) {
	for _, d := range h.framed {
		d.See(f, h.find)
	}
	if h.rest != nil && h.rest(f.At+spectrum.Window) {
		return
	}
	if h.scene.take(f) {
		h.due()
	}
}
