package main

import (
	"context"
	"time"

	"zvonar/recordings/foreign"
)

// confinedCmd becomes another program under limits: the daemon starts speech
// engines by it (recordings/foreign).
type confinedCmd struct {
	Memory int64    `help:"Bytes of memory."`
	CPU    int      `name:"cpu" help:"Seconds of processor time."`
	Files  int64    `help:"Bytes of the largest file that it may write."`
	Argv   []string `arg:"" help:"The program with its arguments."`
}

// Run becomes the program.
func (c *confinedCmd) Run(context.Context) error {
	return foreign.Confined(foreign.Limits{Memory: c.Memory, CPU: time.Duration(c.CPU) * time.Second, Files: c.Files}, c.Argv)
}
