// Package egress lets the daemon speak HTTP to addresses that strangers chose.
//
// A URL that arrives by API (a webhook, later a clip to fetch) may point inside:
// at our own admin port, at the metadata service of a cloud, at a printer. A
// [Guard] refuses such a URL when it arrives (Check) and again when it is
// dialled (Client): the name is resolved once, every address it has is judged,
// and the very address that was judged is dialled, so that a name which changes
// between two look-ups gains nothing. Destinations from the configuration file
// are the operator's own word; they use the Trusted client, which is as strict
// about redirects, proxies, time and size but goes anywhere.
//
// Safe for concurrent use from any goroutine. It starts none. Start reading at
// guard.go; networks.go holds the table of what is inside.
package egress
