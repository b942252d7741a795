// Package providerstest has what the tests of the providers' folders share: a house
// whose engine, store, keys and journal are in memory. Start reading at house.go.
package providerstest
