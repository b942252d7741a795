// Package crash kills the built binary at every named instant, and at random
// ones, for hundreds of rounds on the same data, and judges what it did from
// outside: SIPp counts who was rung, a receiver what it was told, a client what
// was acknowledged. `make crash` runs it, docs/crash.md says what it promises.
//
// Start reading at history.go (what was seen) and judge.go (what must be true
// of it); rules_*.go are the rules. The rest are tests: world_test.go is a daemon with
// everybody around it, load_test.go asks it for calls, rounds_test.go kills it,
// powercut_test.go looks at copies of its files, and forged_test.go proves that
// the judge finds what it is there to find.
package crash
