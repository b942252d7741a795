//go:build race

package foreign

// underRace: the race detector maps terabytes for itself, so a limit of memory
// would end every process at its start.
const underRace = true
