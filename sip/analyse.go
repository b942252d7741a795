package sip

import "zvonar/media"

// Analyse has a listen to what the leg receives from now on, until the leg ends or
// stop is called (media.Port.Analyse).
func (l *Leg) Analyse(a media.Analyser) (stop func()) { return l.port.Analyse(a) }

// Transcribe has s write down what the leg receives and sends (media.Port.Transcribe).
func (l *Leg) Transcribe(s media.Scribe) (stop func()) { return l.port.Transcribe(s) }
