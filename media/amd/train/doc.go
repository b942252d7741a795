// Package train learns the tables of package amd from labelled sounds and says how
// well they do on voices they did not learn from.
//
// The same sounds in the same order make the same tables, to the byte: all
// randomness has fixed seeds, all sums one order. [Learn] is the training,
// [CrossValidate] the report; sound.go makes further sounds of each one, boost.go
// is the learner, table.go writes the Go table. docs/amd.md tells an operator how to
// train on calls of his own.
package train
