// Package peers proves the built binary against programs that we did not write:
// SIPp and baresip as far ends, sox for what was heard. It holds tests only.
//
// harness_test.go starts a daemon on loopback and speaks its API; what is heard
// live is judged by test/hearing;
// sipp_test.go, dialog_test.go, session_test.go, extensions_test.go, refer_test.go,
// handing_test.go and baresip_test.go are the calls (docs/sip.md
// lists which sentence each shows); amd_test.go, machines_test.go and early_test.go are
// who answers and what the network says (docs/amd.md); crash_test.go kills it;
// nodes_test.go kills, pauses and cuts off one of two daemons on one PostgreSQL.
package peers
