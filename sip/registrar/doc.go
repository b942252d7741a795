// Package registrar knows who may register with us and where they are: users and
// their passwords, the challenges that ask for them, the contacts that PBXs on
// changing addresses and softphones have told, and the limits on guessing.
//
// It speaks no SIP: package sip reads the messages and asks. [Registrar] may be
// used from any goroutine. Start reading at registrar.go; digest.go is the
// password, limits.go what guessing costs.
package registrar
