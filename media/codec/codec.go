// Package codec knows the audio codecs of the line: their names, static payload
// types and clock rates, and turns linear samples into code words and back.
//
// Pure tables and functions; safe for use from any goroutine.
package codec

// ID names a codec as SDP's rtpmap does (RFC 3551 6).
type ID string

// The codecs.
const (
	PCMA ID = "PCMA" // G.711 A-law, payload type 8
	PCMU ID = "PCMU" // G.711 µ-law, payload type 0
)
