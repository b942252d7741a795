// Package cdr makes call records of the ends of calls: one record a call, taken
// from its call.completed, as JSON lines, as CSV with stable columns, or in the
// column order of Asterisk's Master.csv (record.go, asterisk.go). [Files] writes
// them to a directory in periods, each call exactly once (files.go).
//
// Read, Columns and the rows are pure and may be called from anywhere. Files has a
// goroutine of its own between Start and Stop.
package cdr
