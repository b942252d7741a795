//go:build !race

package media

// underRace tells that the race detector runs, where a sync.Pool drops what it is given.
const underRace = false
