// Command zvonar is the whole product in one binary: the daemon, its test
// carrier, and the commands that talk to a daemon. It holds wiring and no logic.
//
// Start reading at cli.go (the commands), then serve.go, daemon.go
// (its life) and daemon_rooms.go (how the rooms are made).
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
