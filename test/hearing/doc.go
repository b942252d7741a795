// Package hearing judges sound that tests hear live: it tells what zvonar did wrong from what
// the machine did, by a bystander that notes whether programs were kept waiting
// meanwhile. Judge may be called from the goroutine of a test.
//
// Start reading at hearing.go.
package hearing
