// Package retention takes things out of the house again: what is older than the
// configuration keeps ([Retention]), and what names a person who asked to be
// forgotten ([Eraser]).
//
// It is a room of its own because it is about time and portions, and not about
// SQL: the store knows how one portion of rows is found and removed
// (calls.LogChanges), and here is decided when, how many at once, and by which
// of several nodes. The outbox, the API and the engine know nothing of it: a
// row that something still waits for is not removed.
//
// Every portion is one small unit of work with a pause behind it, so that calls
// never wait for it. Retention is one goroutine between Start and Stop; an
// Eraser works on the goroutine of whoever asks, one number at a time. Start
// reading at retention.go.
package retention
