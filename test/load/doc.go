// Command load measures what a call costs the daemon, from outside: it starts
// zvonar on one processor, calls it (W1) or has it call (W2) from another, plain or
// encrypted, captured, judged or bridged, sends and receives the RTP of thousands of
// calls over a few shared sockets, and prints a table. `make bench-media` runs it;
// docs/performance.md tells what the columns mean.
//
// Everything of the calls happens on one thread: farm.go is its loop, media.go the
// RTP, seal.go its encryption, delay.go the delay of bridges, dialog.go the signalling,
// batch.go the sockets. workload.go lists the modes. target.go starts the daemon and
// reads its figures, floor.go measures what the kernel alone takes, bystander.go what
// the machine itself holds up, plot.go draws, main.go goes up the stairs.
package main
