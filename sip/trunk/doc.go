// Package trunk holds what is configured and known of each SIP peer: where its
// requests may come from, where ours go, its credentials and numbers.
//
// A [Set] is made once from the configuration and read by the user agent's read
// filter for every datagram, so lookups take no lock on the usual path. All of
// it is safe for concurrent use. Start reading at set.go; uri.go reads the
// trunk's address.
package trunk
