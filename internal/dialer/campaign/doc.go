// Package campaign turns lists of contacts into calls.
//
// The contacts of a campaign stay in the store, in line by time zones and turn
// (docs/decisions/079). [Runner] takes as many of them as the dialer can begin
// soon, and admits each as a call in the unit of work that takes it out of the
// line: a process that is killed rings nobody twice and forgets nobody. From then
// on the call is the dialer's, as any other; pace, windows, pauses and retries are
// judged there. What the call came to is brought into contact and counts by the
// unit that ends it (engine, calls.CampaignWrites.SettleContact).
//
// One goroutine (Start) feeds; on several nodes that of the node that leads. Every
// node tells its own dialer what may run. [Desk] changes campaigns and may be used
// from any goroutine; the store is the only thing that both share.
//
// [Import] reads lists: encoding.go (what the bytes are), lines.go and table.go
// (records of CSV), contact.go (what a record means).
//
// Start reading at runner.go, then feed.go.
package campaign
