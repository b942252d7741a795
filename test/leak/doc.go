// Package leak looks for what calls leave behind: `make leak CALLS=100000` sends
// them to the built daemon, in every shape that a caller gives them, and prints
// dialogs, transactions, goroutines, ports and descriptors before and after. The
// short form is an ordinary test.
//
// Start reading at leak_test.go; caller_test.go is who calls.
package leak
