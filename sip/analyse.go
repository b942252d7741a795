package sip

import "zvonar/media"

// Analyse has a listen to what the leg receives from now on, until the leg ends or
// stop is called (media.Port.Analyse).
func (l *Leg) Analyse(a media.Analyser) (stop func()) { return l.port.Analyse(a) }
