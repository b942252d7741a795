package sip

import "zvonar/media"

// Analyse has a listen to what the leg receives from now on, until the leg ends or
// stop is called (media.Port.Analyse).
func (l *Leg) Analyse(a media.Analyser) (stop func()) { return l.port.Analyse(a) }

// Heard calls done once all that came and went so far was told to those who listen
// (media.Port.Heard).
func (l *Leg) Heard(done func()) { l.port.Heard(done) }
