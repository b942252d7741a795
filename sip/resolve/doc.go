// Package resolve finds out where a SIP request goes (RFC 3263): NAPTR, SRV, A
// and AAAA, with the times that the DNS gives and a memory of what is not there.
//
// [Resolver.Targets] may be called from any goroutine. What is known is answered
// at once; what is not is asked once however many wait for it, and where the name
// servers are silent the former answer counts on. Start reading at resolve.go;
// cache.go keeps answers, dns.go asks for them, wire.go reads them.
package resolve
