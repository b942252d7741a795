// Package figures prints the figures of docs/performance.md that concern the
// store, the API and recovery: `make figures`. It is no part of the tests,
// because a figure depends on the machine and on what else it does; each table
// prints the machine's own limit beside ours.
//
// Start reading at figures_test.go, which runs the built daemon.
package figures
