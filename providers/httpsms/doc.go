// Package httpsms sends texts through any service that takes them by HTTP: one
// request, described in the configuration, for each text. It is the
// outbox's Sender: a request is sent once and never repeated by the transport,
// and what comes back says whether the text was taken, certainly not, or perhaps.
//
// [Sender.Send] may be called from any goroutine; it waits for the network.
// Start reading at httpsms.go. README.md is for whoever writes the configuration.
package httpsms
