// Package rostelecom speaks the Integration API of Rostelecom's virtual PBX
// (guide 7.5), both ways: as the CRM that asks it for calls and hears of them, and
// as the PBX towards software that was written for it.
//
// Both directions are POSTs of JSON with the headers X-Client-ID and X-Client-Sign,
// which sign the raw body (sign.go). wire.go has the forms of numbers, times and
// bodies; nothing there knows of calls.
//
// As a client: place.go asks for a call and follows it, hub.go brings the events that
// intake.go hears to whoever follows their session, report.go turns them into
// reports; callinfo.go, record.go, users.go and history.go are the other methods.
// router.go asks a CRM whose caller somebody is, where we are the PBX, and
// responsible.go answers the same question, where we are the CRM.
//
// As a facade: facade.go authenticates and answers, facade_*.go are its methods,
// sink.go tells what happens to calls.
//
// Methods may be called from any goroutine. Start reading at wire.go, then place.go
// and facade.go.
package rostelecom
