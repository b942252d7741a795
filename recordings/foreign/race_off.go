//go:build !race

package foreign

const underRace = false
