// Package salebot tells the Salebot bot platform of our calls: it is a sink and
// nothing else. (What Salebot's bots ask of us are the endpoints under /v1/bot/ and
// the facades.)
//
// For every event the client of the platform is found (match.go), variables of his
// deal are set and the bot is called back with a text (words.go). The client's id is
// remembered with the call, so that he is looked for once.
//
// Sink is used from many goroutines. Start reading at sink.go, then match.go.
package salebot
