// Package ledger keeps what is derived of the event log: the list of calls that
// need a person, and what each caller number did on a day. It follows the log from
// a cursor that moves in the same unit of work as the rows, so that each event
// counts once, over restarts and whichever node of several does it.
//
// One goroutine between Start and Stop; nothing else is called. Start reading at
// ledger.go.
package ledger
