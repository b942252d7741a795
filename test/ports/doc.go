// Package ports gives tests that start programs ports that no other test is given,
// in this process or another one of the machine.
//
// A program must be told its port before it opens it, and find it free again after
// it was killed, so port 0 is no help and a look whether a port is free does not keep
// it. Whoever is given a port therefore holds a socket of the same number on an
// address of the loopback network that nothing else uses: the kernel lets one
// process do that, and gives it back when that one ends, however it does. All ports
// lie below the kernel's ephemeral range, where sockets on port 0 do not come.
//
// Any test may call it, from any goroutine. Start reading at ports.go.
package ports
