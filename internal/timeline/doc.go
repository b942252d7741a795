// Package timeline says in plain words what an event means: one event, one
// line, for a person who watches a call in a terminal.
//
// It holds no state and starts nothing; [Line] may be called from any
// goroutine. Numbers are shown whole: the reader is the operator, not a log.
// Text from outside is stripped of control characters, so that no caller can
// steer a terminal. Start reading at line.go; words.go has a sentence for each
// type of event.
package timeline
